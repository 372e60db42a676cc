"""The store aws: AWS Secrets Manager, a secret for each value, read by External Secrets."""
