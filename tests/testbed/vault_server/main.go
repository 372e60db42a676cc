// Vault's own core and HTTP interface over TLS, with what the wizard needs of it: KV, and the auth
// methods kubernetes, approle and userpass. Everything is kept in memory.
//
//	vault ADDRESS CERTIFICATE KEY     starts uninitialised, as every Vault does
//
// Vault 1.21 is under the BUSL: it is built for the tests, and nothing of it is shipped.
package main

import (
	"fmt"
	"net/http"
	"os"

	log "github.com/hashicorp/go-hclog"
	kubernetes "github.com/hashicorp/vault-plugin-auth-kubernetes"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/credential/userpass"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// registry is asked for plugins of the `command` package, which would pull in every cloud's client.
type registry struct{}

func (registry) Contains(string, consts.PluginType) bool { return true }

func (registry) Get(string, consts.PluginType) (func() (interface{}, error), bool) {
	return nil, false
}

func (registry) Keys(consts.PluginType) []string { return nil }

func (registry) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, true
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }

func serve(address string, certificate string, key string) error {
	logger := log.New(&log.LoggerOptions{Output: os.Stderr, Level: log.Warn})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:        storage,
		DisableMlock:    true,
		Logger:          logger,
		BuiltinRegistry: registry{},
		LogicalBackends: map[string]logical.Factory{"kv": kv.Factory},
		CredentialBackends: map[string]logical.Factory{
			"kubernetes": kubernetes.Factory,
			"approle":    approle.Factory,
			"userpass":   userpass.Factory,
		},
	})
	if err != nil {
		return err
	}
	handler := vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           core,
		ListenerConfig: &configutil.Listener{},
	})
	return http.ListenAndServeTLS(address, certificate, key, handler)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: vault ADDRESS CERTIFICATE KEY")
		os.Exit(64)
	}
	fmt.Fprintln(os.Stderr, serve(os.Args[1], os.Args[2], os.Args[3]))
	os.Exit(1)
}
