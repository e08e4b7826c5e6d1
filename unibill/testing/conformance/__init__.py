"""The conformance suite: what every provider must pass, a stranger's too.

Inherit from ``ProviderConformance`` in your tests, and tell it what it is tried on::

    class TestMine(ProviderConformance):
        @pytest.fixture
        def subject(self):
            with Sandbox([MySandbox]) as sandbox, sandbox.serve() as serving:
                yield Subject("mine", MySettings(**serving.backends["mine"]), account="c1", ..., sandbox=sandbox)

Tests are chosen by what the provider declares: supported means that it must work, unsupported that it must refuse and send
nothing; an operation that is not declared fails. What cannot be tried on a subject is skipped and says why.
"""

from unibill.testing.conformance.accidents import AccidentsGroup
from unibill.testing.conformance.allocating import AllocatingGroup
from unibill.testing.conformance.declared import DeclaredGroup
from unibill.testing.conformance.effects import EffectsGroup
from unibill.testing.conformance.failing import FailingGroup
from unibill.testing.conformance.paging import PagingGroup
from unibill.testing.conformance.reading import ReadingGroup
from unibill.testing.conformance.redacting import RedactingGroup
from unibill.testing.conformance.resuming import ResumingGroup
from unibill.testing.conformance.subject import Subject
from unibill.testing.conformance.writing import WritingGroup

__all__ = ["CassetteConformance", "ProviderConformance", "Subject"]


class CassetteConformance(DeclaredGroup, ReadingGroup, WritingGroup, AllocatingGroup, EffectsGroup, RedactingGroup):
    """What a cassette can replay: declaration, reading, writing, allocations, keys, redaction.

    Let the ``subject`` take its settings from the fixture ``unibill_billing``: then ``pytest --unibill-record`` records a cassette for
    each test, and every later run replays it. Accidents need a sandbox, and how far a list is read ahead or a first try comes differs,
    so those groups are not here. A test that the recording skipped has a cassette too: its replay must skip at the same place.
    """


class ProviderConformance(CassetteConformance, PagingGroup, FailingGroup, AccidentsGroup, ResumingGroup):
    """All groups: those that a cassette can replay, and pages, errors, accidents and second tries."""
