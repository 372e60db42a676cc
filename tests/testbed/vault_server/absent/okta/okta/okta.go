// Package okta stands in for the client by which Vault asks Okta for a second factor: nobody of
// this Vault has one. Upstream is one package of 12 MB, which takes a minute to compile.
package okta

import (
	"context"
	"errors"
	"net/http"
)

// Configuration has what Vault reads of one.
type Configuration struct{ Context context.Context }

// ConfigSetter changes nothing.
type ConfigSetter func(*Configuration)

// WithToken is ignored.
func WithToken(string) ConfigSetter { return func(*Configuration) {} }

// WithOrgUrl is ignored.
func WithOrgUrl(string) ConfigSetter { return func(*Configuration) {} }

// WithCache is ignored.
func WithCache(bool) ConfigSetter { return func(*Configuration) {} }

// NewConfiguration always fails, so that nothing below is ever called.
func NewConfiguration(...ConfigSetter) (*Configuration, error) {
	return nil, errors.New("this Vault of the tests asks no Okta")
}

// Request has no answer.
type Request[T any] struct{}

// Filter is ignored.
func (r Request[T]) Filter(string) Request[T] { return r }

// Execute always fails.
func (Request[T]) Execute() (answer T, response *http.Response, err error) {
	return answer, nil, errors.New("this Vault of the tests asks no Okta")
}

// Named is a user or a factor.
type Named struct{}

// GetId is empty.
func (*Named) GetId() string { return "" }

// UserFactorPush is a factor.
type UserFactorPush = Named

// Factor is what a user may have.
type Factor struct{ UserFactorPush *UserFactorPush }

// Verification is the answer to a request for a factor.
type Verification struct{ Links map[string]any }

// GetFactorResult is empty.
func (*Verification) GetFactorResult() string { return "" }

// Status says which of these a transaction is.
type Status struct {
	UserFactorPushTransaction         *Named
	UserFactorPushTransactionWaiting  *Named
	UserFactorPushTransactionRejected *Named
	UserFactorPushTransactionTimeout  *Named
}

// UserAPI has the calls of users that Vault makes.
type UserAPI struct{}

// ListUsers has no answer.
func (UserAPI) ListUsers(context.Context) (request Request[[]Named]) { return }

// UserFactorAPI has the calls of factors that Vault makes.
type UserFactorAPI struct{}

// ListFactors has no answer.
func (UserFactorAPI) ListFactors(context.Context, string) (request Request[[]Factor]) { return }

// VerifyFactor has no answer.
func (UserFactorAPI) VerifyFactor(
	context.Context, string, string,
) (request Request[*Verification]) {
	return
}

// GetFactorTransactionStatus has no answer.
func (UserFactorAPI) GetFactorTransactionStatus(
	context.Context, string, string, string,
) (request Request[*Status]) {
	return
}

// APIClient is never made.
type APIClient struct {
	UserAPI       UserAPI
	UserFactorAPI UserFactorAPI
}

// GetConfig is empty.
func (*APIClient) GetConfig() *Configuration { return &Configuration{} }

// NewAPIClient is never called.
func NewAPIClient(*Configuration) *APIClient { return &APIClient{} }
