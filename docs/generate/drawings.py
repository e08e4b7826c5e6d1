"""The drawings of the pages."""

from pathlib import Path
from typing import Final

from docs.generate.drawing import Arrow, Box, Drawing

FOLDER: Final = Path(__file__).parents[1] / "pictures"


def record() -> Drawing:
    """The way of a record through the code."""
    source = Box("a vendor\nresponse bytes", (20, 30), (150, 62), "plain")
    read = Box("wire\nchecks what the vendor sends", (225, 30), (220, 62))
    model = Box("core model\nCredit, Allocation, Charge", (530, 30), (200, 62))
    plan = Box("plan\ncreate, exists, skip, blocked;\nwhat is lost, and why", (530, 150), (200, 84), "good")
    draft = Box("core draft\nwhat is wanted", (530, 292), (200, 62))
    write = Box("wire\nwhat the vendor takes", (225, 292), (220, 62))
    target = Box("another vendor\nrequest bytes", (20, 292), (150, 62), "plain")
    return Drawing(
        "The way of a record: response bytes become wire records, then the core model; a plan decides; a draft becomes wire, then request bytes.",
        (760, 384),
        (source, read, model, plan, draft, write, target),
        (
            Arrow((source.side("right"), read.side("left"))),
            Arrow((read.side("right"), model.side("left")), "mapping"),
            Arrow((model.side("bottom"), plan.side("top"))),
            Arrow((plan.side("bottom"), draft.side("top"))),
            Arrow((draft.side("left"), write.side("right")), "mapping"),
            Arrow((write.side("left"), target.side("right"))),
        ),
    )


def house() -> Drawing:
    """The rooms of the house, and which way imports point."""
    cli = Box("command line\nunibill/cli", (30, 30), (190, 58))
    app = Box("your app", (260, 30), (170, 58), "plain")
    copying = Box("runs, reports\nunibill/copying  reporting", (30, 132), (190, 58))
    facade = Box("facade, drivers\nfacade.py  aio.py  http/", (30, 234), (400, 58))
    boundary = Box("boundary\nprovider.py  flow.py  capabilities.py", (30, 336), (400, 58))
    words = Box("words\nmodel.py  drafts.py  money.py  errors.py  marks.py", (30, 438), (400, 58))
    shelf = Box("a provider's package\nunibill_socotra, unibill_billagain, yours", (540, 112), (270, 384), "plain", high=True)
    provider = Box("provider\nflows: what to ask, no I/O", (565, 176), (220, 52))
    mapping = Box("mapping\npure, both ways, with losses", (565, 258), (220, 52))
    wire = Box("wire\nthe vendor's shapes, exact", (565, 340), (220, 52))
    sandbox = Box("sandbox\nuses nothing of the others", (565, 422), (220, 52), "good")
    return Drawing(
        "The house: command line and runs over the facade, over the boundary, over the words; providers beside, whose imports point to the boundary.",
        (840, 520),
        (cli, app, copying, facade, boundary, words, shelf, provider, mapping, wire, sandbox),
        (
            Arrow((cli.side("bottom"), copying.side("top"))),
            Arrow((copying.side("bottom"), (125, 234)), "imports", (133, 216)),
            Arrow((app.side("bottom"), (345, 234))),
            Arrow((facade.side("bottom"), boundary.side("top"))),
            Arrow((boundary.side("bottom"), words.side("top"))),
            Arrow((provider.side("bottom"), mapping.side("top"))),
            Arrow((mapping.side("bottom"), wire.side("top"))),
            Arrow((provider.side("left"), (510, 202), (510, 365), boundary.side("right")), "implements", (436, 357)),
        ),
    )


def write() -> Drawing:
    """The life of a write."""
    draft = Box("draft", (30, 30), (120, 46), "plain")
    check = Box("checks\nof the core and of the provider", (220, 24), (230, 58))
    refused_here = Box("InvalidDraft\nnothing was sent", (550, 24), (190, 58), "bad")
    intent = Box("intent\ndurable before anything leaves", (220, 122), (230, 58))
    request = Box("request", (220, 220), (230, 46))
    back = Box("mark read back\nequal, or the run stops", (220, 322), (230, 58))
    done = Box("done", (220, 424), (230, 46), "good")
    rejected = Box("Rejected\nnothing was changed", (550, 214), (190, 58), "bad")
    unknown = Box("unknown\nno answer, 5xx, killed", (550, 322), (190, 58))
    look = Box("look for the mark\nafter the settling time,\nall pages", (550, 424), (190, 76))
    return Drawing(
        "The life of a write: checked, intent made durable, sent; refused, done, or unknown; an unknown one is looked for by its mark before it is sent again.",
        (770, 524),
        (draft, check, refused_here, intent, request, back, done, rejected, unknown, look),
        (
            Arrow((draft.side("right"), check.side("left"))),
            Arrow((check.side("right"), refused_here.side("left")), "faults"),
            Arrow((check.side("bottom"), intent.side("top"))),
            Arrow((intent.side("bottom"), request.side("top"))),
            Arrow((request.side("right"), rejected.side("left")), "refused"),
            Arrow((request.side("bottom"), back.side("top")), "answered"),
            Arrow(((430, 266), (430, 294), (500, 294), (500, 351), unknown.side("left")), "cannot be told", (442, 288)),
            Arrow((back.side("bottom"), done.side("top"))),
            Arrow((unknown.side("bottom"), look.side("top"))),
            Arrow(((550, 447), (450, 447)), "found"),
            Arrow((look.side("left", 26), (100, 488), (100, 236), (220, 236)), "twice absent", (300, 504)),
            Arrow(((220, 252), (150, 252), (150, 208), (270, 208), (270, 220)), "not sent,\nprovably", (158, 168)),
        ),
    )


def socotra() -> Drawing:
    """How money moves in Socotra."""
    charge = Box("negative charge\ncategory credit", (30, 40), (170, 58))
    negative = Box("negative invoice", (280, 40), (170, 58))
    payment = Box("payment\ncash", (30, 180), (170, 58))
    balance = Box("credit balance\nof account and currency", (280, 180), (190, 58), "good")
    invoice = Box("invoice\nwhat the customer owes", (550, 180), (190, 58))
    out = Box("disbursement\nmoney paid out", (280, 310), (190, 58), "bad")
    off = Box("write-off\nnobody will pay it", (550, 310), (190, 58), "plain")
    return Drawing(
        "How money moves in Socotra: a negative charge becomes a negative invoice, whose settlement fills the balance; distributions spend it.",
        (770, 400),
        (charge, negative, payment, balance, invoice, out, off),
        (
            Arrow((charge.side("right"), negative.side("left")), "invoiced"),
            Arrow(((365, 98), (365, 180)), "settled, by a distribution"),
            Arrow((payment.side("right"), balance.side("left")), "surplus"),
            Arrow(((115, 238), (115, 272), (645, 272), (645, 238)), "pays the invoices that it names", (140, 290)),
            Arrow((balance.side("right"), invoice.side("left")), "spent"),
            Arrow(((450, 69), (645, 69), (645, 180)), "distribution to another invoice", (466, 60)),
            Arrow(((375, 238), (375, 310))),
            Arrow((off.side("top", 40), (685, 238))),
        ),
    )


DRAWINGS: Final = {"record": record, "house": house, "write": write, "socotra": socotra}


def make() -> None:
    """Write every drawing."""
    FOLDER.mkdir(exist_ok=True)
    for name, drawing in DRAWINGS.items():
        (FOLDER / f"{name}.svg").write_text(drawing().svg(), "utf-8")
