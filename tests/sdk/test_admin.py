"""The admin API against its own document: requests made of it and beside it, well-formed and not."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

from gateway import Gateway

SECONDS = 300
CHECKS = [
    "no_failure_of_the_server",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
]
# For each operation and phase; with the seed a run can be repeated.
EXAMPLES = 15
SEED = os.environ.get("FERROGATE_ADMIN_SEED", "1")

CADDYFILE = """
{
	default_bind 127.0.0.1
	grace_period 1s
}

http://:0 {
	ai_gateway {
		provider echo
		model echo -> echo
		tenant acme {
			budget 100 per month
		}
		api_key full {
			key full-secret
			scopes *
		}
		api_key narrow {
			key narrow-secret
			tenant acme
			scopes chat.completions
		}
	}
}
"""


def schemathesis(gateway, folder):
    here = pathlib.Path(__file__).parent
    return subprocess.run(
        [
            str(pathlib.Path(sys.executable).parent / "schemathesis"),
            "run",
            f"http://{gateway.address}/admin/v1/openapi.json",
            "--header=Authorization: Bearer full-secret",
            f"--checks={','.join(CHECKS)}",
            # A stream without an end.
            "--exclude-path=/admin/v1/request-logs/tail",
            f"--max-examples={EXAMPLES}",
            f"--seed={SEED}",
            "--request-timeout=30",
            "--warnings=off",
            "--no-color",
        ],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(here),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SCHEMATHESIS_HOOKS": "schemathesis_checks",
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def main():
    gateway = Gateway(CADDYFILE)
    try:
        with tempfile.TemporaryDirectory() as folder:
            run = schemathesis(gateway, folder)
    finally:
        gateway.close()
    found = re.search(r"Tested: (\d+)", run.stdout)
    tested = int(found[1]) if found else 0
    good = run.returncode == 0 and tested > 0
    if not good:
        print(run.stdout, run.stderr, sep="\n")
        print("".join(gateway.log[-50:]))
    # One test for each operation; those that failed are told above.
    failed = 0 if good else 1
    print(f"{tested - failed if tested else 0} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
