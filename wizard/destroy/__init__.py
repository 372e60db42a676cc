"""Taking away again what an installation's runs made: `apply --undo`, and all of it: `destroy`."""
