"""Where a database is, from its URL: everything that libpq knows, and no password in a message."""

import pytest

from rfm_platform.postgres import DatabaseError, external

SECRET = "pa@s3cret"  # noqa: S105 - nobody's


def test_an_at_sign_in_a_password_is_told_without_the_password() -> None:
    with pytest.raises(DatabaseError, match="written %40") as caught:
        external("mart", f"postgresql://reader:{SECRET}@mart.example/sales")
    assert "s3cret" not in str(caught.value)


def test_several_hosts_of_a_url_are_several_hosts() -> None:
    found = external("mart", "postgresql://reader@/sales?host=a:1&host=b:2").conninfo()
    assert found["host"] == "a:1,b:2"
