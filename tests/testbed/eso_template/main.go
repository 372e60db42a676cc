// Evaluates ExternalSecret templates with the operator's own engine.
//
// Reads JSON requests from standard input, one after the other, and answers each with one line:
//
//	{"template": {"key": "text {{ .name }}"}, "data": {"name": "<base64>"}}
//	{"rendered": {"key": "<base64>"}}   or   {"error": "why the operator would refuse it"}
//
// Values travel as base64 because a Secret holds bytes, and JSON would mend what is not UTF-8.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	esapi "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	template "github.com/external-secrets/external-secrets/pkg/template/v2"
	corev1 "k8s.io/api/core/v1"
)

type request struct {
	Template map[string]string `json:"template"`
	Data     map[string][]byte `json:"data"`
}

type response struct {
	Rendered map[string][]byte `json:"rendered,omitempty"`
	Error    string            `json:"error,omitempty"`
}

func answer(asked request) response {
	texts := make(map[string][]byte, len(asked.Template))
	for key, text := range asked.Template {
		texts[key] = []byte(text)
	}
	var secret corev1.Secret
	err := template.Execute(
		texts, asked.Data, esapi.TemplateScopeValues, esapi.TemplateTargetData, &secret)
	if err != nil {
		return response{Error: err.Error()}
	}
	return response{Rendered: secret.Data}
}

func main() {
	requests := json.NewDecoder(os.Stdin)
	responses := json.NewEncoder(os.Stdout)
	for {
		var asked request
		if err := requests.Decode(&asked); err != nil {
			if errors.Is(err, io.EOF) {
				return
			}
			fmt.Fprintln(os.Stderr, "not a request:", err)
			os.Exit(1)
		}
		if err := responses.Encode(answer(asked)); err != nil {
			os.Exit(1)
		}
	}
}
