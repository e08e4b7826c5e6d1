"""What a check says of a value is told in its own words, wherever pydantic stands between."""

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from unibill.checkwords import told


class Checked(BaseModel):
    """One value, and a check that raises what it was given."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    value: Exception

    @field_validator("value")
    @classmethod
    def _raised(cls, value: Exception) -> Exception:
        raise value


@pytest.mark.parametrize("error", [ValueError, AssertionError])
@pytest.mark.parametrize("words", ["give a day", "", "Value error, said twice"])
def test_a_check_is_told_in_its_own_words(error: type[Exception], words: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Checked(value=error(words))
    assert told(wrong.value) == f"value: {words}"


def test_pydantics_own_words_stay_and_every_fault_has_its_place() -> None:
    with pytest.raises(ValidationError) as wrong:
        Checked.model_validate({"value": 1})
    assert told(wrong.value) == "value: Input should be an instance of Exception"
    with pytest.raises(ValidationError) as missing:
        Checked.model_validate({})
    assert told(missing.value) == "value: Field required"
