"""What no request of the admin API may bring about."""

import schemathesis


@schemathesis.check
def no_failure_of_the_server(_context, response, _case):
    """501 says that this gateway does not have something, which is documented; any other 5xx is a defect."""
    if response.status_code == 501:
        code = response.json()["error"]["code"]
        assert code in {"not_available", "request_logs_off"}, f"501 with `{code}`"
    else:
        assert response.status_code < 500, f"{response.status_code}: {response.text}"
