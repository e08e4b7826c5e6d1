from pathlib import Path

import pytest

from unibill.copying import AccountMap, InvalidMap, InvoiceMap, MappedInvoice
from unibill.errors import ConfigurationError, InvalidQuery


def csv(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "map.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_an_account_map_is_read_whatever_the_order_and_number_of_its_columns(tmp_path: Path) -> None:
    path = csv(tmp_path, "note,target_account,Source_Account\r\nx,21, 11 \r\n\r\ny,22,12\r\n")
    assert AccountMap.from_csv(path).pairs == {"11": "21", "12": "22"}


def test_a_byte_order_mark_is_not_part_of_the_header(tmp_path: Path) -> None:
    path = csv(tmp_path, b"\xef\xbb\xbfsource_account,target_account\n11,21\n")
    assert AccountMap.from_csv(path).get("11") == "21"


def test_every_bad_line_is_named_in_one_error(tmp_path: Path) -> None:
    path = csv(tmp_path, "source_account,target_account\n11,21\n,22\n13,\n11,23\n14\n1.2E+05,24\n15,25\n")
    with pytest.raises(InvalidMap) as caught:
        AccountMap.from_csv(path)
    assert caught.value.faults == (
        "line 6: 1 cells where the header has 2",
        "line 3: source_account is empty",
        "line 4: target_account is empty",
        "line 5: account 11 is named a second time",
        "line 7: 1.2E+05 is an id that a spreadsheet has rounded; format the column as text",
    )
    assert isinstance(caught.value, ConfigurationError)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"source_account,target_account\n", "it holds no account"),
        (b"source,target\n1,2\n", "the header lacks source_account and target_account"),
        (b"source_account;target_account\n1;2\n", "must be by commas"),
        (b"source_account,source_account,target_account\n1,2,3\n", "twice"),
        ("source_account,target_account\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"source_account,target_account\n1,2\n\xe4,3\n", "line 3: byte 0xe4 is not UTF-8"),
        (b"source_account,target_account\n1,\x002\n", "line 2: it holds a zero byte"),
        (b'source_account,target_account\n1,"2\n', "line"),
        (b'"source_account,target_account\n1,2\n', "line 2: unexpected end of data"),
        (b"source_account|target_account\n1|2\n", "must be by commas"),
        (b"5001,01HDXK\n5002,01PFC5\n", "it has: 5001, 01HDXK; the first line must be source_account,target_account"),
        (
            "source_account,target_account\n50\u200b01,2\n3,\ufeff4\n".encode(),
            r"line 2: source_account holds a character that cannot be seen",
        ),
    ],
)
def test_a_file_that_is_no_account_map_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InvalidMap, match=message):
        AccountMap.from_csv(csv(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidMap, match=r"nowhere\.csv cannot be used:\n  it cannot be read"):
        AccountMap.from_csv(tmp_path / "nowhere.csv")


def test_two_accounts_that_become_one_are_noted() -> None:
    assert AccountMap.from_pairs({"11": "21", "12": "21"}).notes == ("accounts 11, 12 all become account 21",)


def test_pairs_are_checked_like_lines() -> None:
    with pytest.raises(InvalidMap, match="pair 2: account 11 is named a second time"):
        AccountMap.from_pairs([("11", "21"), ("11", "22")])


def test_a_refused_account_is_named_by_its_pair_and_other_errors_are_left_alone() -> None:
    known = AccountMap.from_pairs([("11", "21"), ("12", "22")])
    with pytest.raises(InvalidQuery) as refused, known.naming("22", "target"):
        raise InvalidQuery("no id")
    assert refused.value.__notes__ == ["Account 22 is named in pair 2 of the account map."]
    with pytest.raises(InvalidQuery) as unmapped, known.naming("22", "source"):
        raise InvalidQuery("no id")
    assert not hasattr(unmapped.value, "__notes__")


def test_a_map_that_is_gone_when_an_account_is_refused_is_named_without_the_line(tmp_path: Path) -> None:
    path = csv(tmp_path, "source_account,target_account\n11,21\n")
    known = AccountMap.from_csv(path)
    path.unlink()
    with pytest.raises(InvalidQuery) as refused, known.naming("11", "source"):
        raise InvalidQuery("no id")
    assert refused.value.__notes__ == [f"Account 11 is named in the file {path}."]


def test_a_function_can_map_accounts_and_invoices() -> None:
    assert AccountMap.from_callable({"11": "21"}.get).get("12") is None
    assert InvoiceMap.from_callable({"31": "41"}.get).get("31") == MappedInvoice("41")


def test_an_invoice_map_takes_ids_or_numbers(tmp_path: Path) -> None:
    path = csv(tmp_path, "source_invoice,target_invoice,target_number\n31,41,\n32,,957\n")
    assert InvoiceMap.from_csv(path).pairs == {"31": MappedInvoice("41"), "32": MappedInvoice(None, "957")}


def test_an_invoice_needs_an_id_or_a_number(tmp_path: Path) -> None:
    path = csv(tmp_path, "source_invoice,target_invoice,target_number\n31,,\n")
    with pytest.raises(InvalidMap, match="line 2: target_invoice and target_number is empty"):
        InvoiceMap.from_csv(path)
