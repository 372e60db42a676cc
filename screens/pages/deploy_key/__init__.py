"""The deploy-key page: look into the store, create, register, prove."""
