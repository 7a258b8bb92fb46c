"""A program that starts like `beam start`: it serves a fake node, or fails, as FAKE_PROGRAM says."""

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from beam_actors.cli.home import READY, Home
from beam_actors.cli.start import print_to
from tests.cli.conftest import FakeDaemon

arguments = sys.argv[1:]
home = Home(Path(arguments[arguments.index("--home") + 1]))
home.file("arguments").write_text(json.dumps(arguments))
if "--passphrase-file" in arguments:
    secret = Path(arguments[arguments.index("--passphrase-file") + 1]).read_text()
    home.file("secret").write_text(secret)
match os.environ["FAKE_PROGRAM"]:
    case "fails":
        sys.stderr.write("Some noise.\nError: The keystore is damaged.\n")
        if "--json" in arguments:
            error = {"code": "wrong-passphrase", "message": "…", "exit_code": 4}
            sys.stdout.write(json.dumps({"schema": 1, "error": error}) + "\n")
        sys.exit(4)
    case "fails briefly":
        sys.stderr.write('{"error": "no object"}\n[]\nError: No.\n')
        sys.exit(4)
    case "silent":
        sys.exit(0)
    case "hangs":
        home.file("pid").write_text(str(os.getpid()))
        time.sleep(60)
    case _:
        sys.stderr.write("Port 8443 is taken.\nA recovery phrase is in a file.\n")
        sys.stderr.flush()
        daemon = FakeDaemon(home)
        daemon.start()
        sys.stderr.write(f"{READY} is running.\n")
        sys.stderr.flush()
        print_to(int(arguments[arguments.index("--console-fd") + 1]))
        sys.stderr.write("And something later.\n")
        sys.stderr.flush()
        daemon.join()
