"""What the pages claim of the code is what the code says."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from sqlalchemy import Table

from docs.generate import drawings, pages
from docs.generate.markdown import regenerated
from unibill import explaining
from unibill.copying import schema
from unibill.model import Charge, Credit


def name_of(page: Path) -> str:
    return page.relative_to(pages.ROOT).as_posix().replace("/", "-")


@pytest.mark.parametrize("page", pages.generated(), ids=name_of)
def test_no_generated_part_has_drifted_from_the_code(page: Path) -> None:
    if pages.made(page) != page.read_text("utf-8"):
        pytest.fail(f"{page.relative_to(pages.ROOT)} has drifted from the code; run: python -m docs.generate", pytrace=False)


def test_everything_that_can_be_made_is_on_a_page() -> None:
    text = "\n".join(page.read_text("utf-8") for page in pages.generated())
    assert set(re.findall(r"<!-- generated: (\S+)", text)) == set(pages.MAKERS)


def test_every_field_of_the_model_has_a_meaning_on_its_page() -> None:
    text = (pages.ROOT / "docs" / "reference" / "model.md").read_text("utf-8")
    for record in (Credit, Charge):
        for field in record.__struct_fields__:
            assert re.search(rf"^\| `{field}` \|.*\| [^|]+ \|$", text, re.MULTILINE), f"{record.__name__}.{field}"


def test_every_table_of_a_run_file_and_every_column_of_it_has_a_meaning_on_its_page() -> None:
    text = (pages.ROOT / "docs" / "reference" / "run-file.md").read_text("utf-8")
    _, *parts = re.split(r"^### `(\w+)`$", text, flags=re.MULTILINE)
    told = dict(zip(parts[::2], parts[1::2], strict=True))
    tables = {made.name: made for made in vars(schema).values() if isinstance(made, Table)}
    assert told.keys() == tables.keys()
    for name, made in tables.items():
        rows = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*\S) \|$", told[name], re.MULTILINE))
        assert list(rows) == [column.name for column in made.columns], name
        assert told[name].partition("| Column")[0].strip().endswith("."), name


def test_every_dependency_has_a_row_that_says_why_it_is_there() -> None:
    project = tomllib.loads((pages.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {Requirement(line).name.lower() for line in asked} - {"unibill"}
    rows = {
        cells[0].split(" ")[0].lower(): cells
        for line in (pages.ROOT / "docs" / "dependencies.md").read_text("utf-8").splitlines()
        if line.startswith("| ") and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 6
    }
    assert names <= set(rows)
    assert all(all(rows[name]) for name in names)


def test_the_matrix_of_losses_has_every_ordered_pair() -> None:
    head = next(line for line in regenerated("<!-- generated: losses -->\n<!-- end -->", pages.MAKERS).splitlines() if "→" in line)
    pairs = [tuple(cell.strip().split(" → ")) for cell in head.split("|") if "→" in cell]
    vendors = {vendor for pair in pairs for vendor in pair}
    assert {(one, other) for one in vendors for other in vendors} == set(pairs)
    assert explaining.Arrival.LOST in regenerated("<!-- generated: losses billagain -->\n<!-- end -->", pages.MAKERS)


def test_a_marker_of_an_unknown_part_is_an_error() -> None:
    with pytest.raises(ValueError, match="names nothing that can be made"):
        regenerated("<!-- generated: wishes -->\n<!-- end -->", pages.MAKERS)


def test_a_marker_without_an_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no <!-- end -->"):
        regenerated("<!-- generated: capabilities -->\n", pages.MAKERS)


def test_every_page_is_in_the_contents() -> None:
    contents = (pages.ROOT / "docs" / "contents.yml").read_text("utf-8")
    for page in (pages.ROOT / "docs").rglob("*.md"):
        name = page.relative_to(pages.ROOT / "docs").with_suffix("").as_posix()
        if not name.startswith("_build/"):
            assert re.search(rf"(file|root): {re.escape(name)}$", contents, re.MULTILINE), f"{name} is missing in docs/contents.yml"


@pytest.mark.parametrize("name", drawings.DRAWINGS)
def test_a_drawing_is_what_its_description_says(name: str) -> None:
    assert (drawings.FOLDER / f"{name}.svg").read_text("utf-8") == drawings.DRAWINGS[name]().svg(), "run: python -m docs.generate drawings"


@pytest.mark.parametrize("picture", sorted(drawings.FOLDER.glob("*.svg")), ids=lambda picture: picture.stem)
def test_a_picture_needs_no_network_and_is_on_a_page(picture: Path) -> None:
    text = re.sub(r"<!--.*?-->", "", picture.read_text("utf-8"), flags=re.DOTALL)
    addresses = set(re.findall(r"https?://[^\s\"')]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert any(f"pictures/{picture.name}" in page.read_text("utf-8") for page in pages.found())


def test_every_page_is_named_where_readers_begin() -> None:
    index = (pages.ROOT / "docs" / "index.md").read_text("utf-8")
    contents = (pages.ROOT / "docs" / "contents.yml").read_text("utf-8")
    twins = {"readme": "../README", "changelog": "../CHANGELOG", "security": "../SECURITY"}
    twins |= {f"reference/{name}": f"../providers/{name}/README" for name in ("billagain", "socotra")}
    for name in re.findall(r"file: (\S+)", contents):
        assert f"]({twins.get(name, name)}.md)" in index, f"docs/index.md does not name {name}"
