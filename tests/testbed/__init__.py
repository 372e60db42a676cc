"""Real programs for the tests, instead of mocks of them.

Each is looked for in this order: an environment variable, PATH, a build of our own kept in
`.cache/testbed` (or $WIZARD_TESTBED_CACHE), else the test is skipped and says what is missing.
With WIZARD_REQUIRE_ALL=1 what is missing fails instead. `python -m tests.testbed` builds ahead.

    part            variable                from
    helm            WIZARD_HELM             PATH, or built from the Go module
    eso-template    WIZARD_ESO_TEMPLATE     built from eso_template/: the operator's template engine
    kube-apiserver  KUBEBUILDER_ASSETS      built from kube_apiserver/, with etcd inside
    vault           WIZARD_VAULT            built from vault_server/
    PostgreSQL      WIZARD_POSTGRES_BIN     PATH, or Debian's postgresql (a folder with initdb)
    PgBouncer       WIZARD_PGBOUNCER        PATH, or Debian's pgbouncer
    OpenSSH sshd    WIZARD_SSHD             PATH, or Debian's openssh-server
    Airflow chart   AIRFLOW_CHART           a folder or .tgz; in no registry, so never required
"""
