"""Reads the site file, `reconciler.yaml`, before anything else is read: `load` finds and checks it, `ssh_configs`
checks the files of ssh that it names, `help` says what each key means."""
