from datetime import UTC, datetime

import pytest

from nhiscan.collectors.aws import _report
from nhiscan.collectors.aws._report import ReportError, parse

COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)
NONE = "false,N/A,N/A,N/A,N/A"
T0, T1, T2 = "2024-01-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00", "2026-01-01T00:00:00Z"


def line(name="etl", *, password="false,N/A,N/A,N/A", key1=NONE, key2=NONE, certs="false,N/A,false,N/A", created=T0):
    return f"{name},arn:aws:iam::123456789012:user/{name},{created},{password},false,{key1},{key2},{certs}"


def row(**parts):
    (found,) = parse("\n".join([COLUMNS, line(**parts)]))
    return found


def test_slots_that_are_taken_are_kept_with_their_facts():
    found = row(key1=f"true,{T1},{T2},eu-west-1,s3", key2=f"false,{T0},N/A,N/A,N/A")
    first, second = found.keys
    assert (first.active, first.region, first.service) == (True, "eu-west-1", "s3")
    assert first.last_used_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert (second.number, second.active, second.last_used, second.region) == (2, False, "never", None)


def test_empty_slots_are_no_keys():
    assert row().keys == ()
    assert row().certificates == ()


def test_signing_certificates_are_slots_without_last_use():
    (certificate,) = row(certs=f"true,{T1},false,N/A").certificates
    assert (certificate.active, certificate.last_used) == (True, None)


def test_password_flag_that_is_not_supported_is_unknown():
    assert row(password="not_supported,N/A,N/A,N/A").password is None
    assert row(password="TRUE,N/A,N/A,N/A").password is True


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"key1": f"true,{T1},{T2},r,s"}, ("known", 2026)),
        ({"key1": f"true,{T1},N/A,N/A,N/A", "password": f"true,{T1},{T0},N/A"}, ("known", 2025)),
        ({"key1": f"true,{T0},N/A,N/A,N/A"}, ("never", None)),
        ({"key1": f"true,{T1},N/A,N/A,N/A"}, (None, None)),  # an earlier key may have been used
        ({"password": f"true,no_information,{T0},N/A"}, ("never", None)),
        ({}, (None, None)),
        ({"key1": f"true,{T0},strange,N/A,N/A"}, (None, None)),
    ],
)
def test_last_use_of_a_user_is_the_latest_of_all_and_never_only_when_certain(parts, expected):
    use, when = row(**parts).last_use
    assert (use, when and when.year) == expected


def test_byte_order_mark_and_quotes_are_tolerated():
    assert _report.is_report("\ufeff" + COLUMNS)
    quoted = ",".join(f'"{c}"' for c in COLUMNS.split(","))
    assert [r.name for r in parse(f"\ufeff{quoted}\n{line()}\n")] == ["etl"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "name,age\n",
        f"{COLUMNS}\netl,arn:aws",
        f"{COLUMNS}\n{line()},x,y",
        f'{COLUMNS}\n"' + "a" * 200_000,
        f"{COLUMNS}\n,,,",
    ],
)
def test_what_is_no_report_says_so(content):
    with pytest.raises(ReportError):
        list(parse(content))
