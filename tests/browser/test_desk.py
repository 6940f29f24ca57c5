"""The desk in a real browser: keys, what arrives, and whether everybody can use it."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import select

from pipelines.act.links import Links
from pipelines.casework.database import Database
from pipelines.casework.tables import Case, Signal
from pipelines.desk import people
from pipelines.desk.office import Office
from pipelines.local import chromium
from tests.desk.conftest import PASSWORD, database, desk, links, standing, take  # noqa: F401 - fixtures

CHROMIUM = chromium.find()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SERIOUS = ("serious", "critical")
PAGES = (
    "/queue",
    "/policy",
    "/models",
    "/monitor",
    "/messages",
    "/quarantine",
    "/catalogue",
    "/audit",
    "/users",
    "/password",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield found
        found.close()


@pytest.fixture
def address(desk: FastAPI) -> Iterator[str]:  # noqa: F811
    """The desk, served."""
    server = uvicorn.Server(
        uvicorn.Config(desk, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    found = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    desk.state.office = desk.state.office._replace(address=found)
    yield found
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def page(browser: Browser, address: str, database: Database) -> Iterator[Page]:  # noqa: F811
    """An administrator's page, logged in by keyboard. A line on its console is a failure: nothing may break our own policy."""
    with database.writing() as session:
        first = people.first_administrator(session, 1)
    with database.writing() as session:
        people.set_password(session, "admin", str(first), PASSWORD, 1)
    context = browser.new_context()
    found, said = context.new_page(), list[str]()
    found.on("console", lambda line: said.append(line.text))
    found.on("pageerror", lambda problem: said.append(str(problem)))
    found.goto(f"{address}/login")
    found.keyboard.type("admin")
    found.keyboard.press("Tab")
    found.keyboard.type(PASSWORD)
    found.keyboard.press("Enter")
    found.wait_for_url("**/queue")
    yield found
    context.close()
    assert said == []


def _closed(database: Database) -> dict[str, str | None]:  # noqa: F811
    with database.reading() as session:
        return {case.card_id: case.outcome for case in session.scalars(select(Case).where(Case.state == "closed"))}


def test_twenty_cases_with_the_keyboard_alone(page: Page, database: Database, take: Callable[..., int]) -> None:  # noqa: F811
    for number in range(22):
        take(number, amount_minor=100_000 - 1_000 * number)
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/cases/\d+"))
    for number in range(20):
        expect(page.locator("h1")).to_contain_text(f"Case {number + 1} ")
        page.keyboard.press("fgu"[number % 3])
        expect(page.locator("h1")).not_to_contain_text(f"Case {number + 1} ")
    assert _closed(database) == {f"card{n}": ("fraud", "genuine", "unsure")[n % 3] for n in range(20)}
    page.keyboard.press("z")
    expect(page.locator("h1")).to_contain_text("Case 20 claimed")
    page.keyboard.press("n")
    page.keyboard.type("asked for g and f")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".history")).to_contain_text("asked for g and f")
    page.keyboard.press("e")
    expect(page.locator("h1")).to_contain_text("Case 21 ")
    page.keyboard.press("a")
    expect(page.locator(".head")).to_contain_text("with admin")
    page.keyboard.press("q")
    page.wait_for_url(re.compile("/queue"))
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("card19")
    page.keyboard.press("Enter")
    expect(page.locator(".queue tbody tr")).to_have_count(1)
    assert len(_closed(database)) == 19
    with database.reading() as session:
        assert len(session.scalars(select(Signal)).all()) == 13


def test_what_arrives_is_announced_and_rows_do_not_jump(
    page: Page,
    desk: FastAPI,  # noqa: F811
    take: Callable[..., int],  # noqa: F811
) -> None:
    office: Office = desk.state.office
    take(1)
    page.reload()
    before = page.locator(".queue tbody tr").bounding_box()
    expect(page.locator("#arrivals")).to_contain_text("New cases are announced here")
    take(2, amount_minor=99_000)
    office.news.announce()
    expect(page.locator("#arrivals")).to_contain_text("1 new: show")
    expect(page.locator("#arrivals")).to_contain_text("990.00 EUR")
    expect(page.locator('[data-tab="open"] b')).to_have_text("2")
    assert page.locator(".queue tbody tr").bounding_box() == before
    page.get_by_role("button", name="1 new: show").click()
    expect(page.locator(".queue tbody tr")).to_have_count(2)


def test_a_stream_that_stops_is_said_on_an_open_page(page: Page, standing: dict[str, Any]) -> None:  # noqa: F811
    expect(page.locator("#standing")).to_be_hidden()
    standing["hot"]["at"] -= 600 + 14 * 60
    expect(page.locator("#standing")).to_have_text("the stream stopped 14 min ago: alerts are not arriving")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 640])
def test_everybody_can_use_it(
    page: Page,
    address: str,
    links: Links,  # noqa: F811
    take: Callable[..., int],  # noqa: F811
    scheme: str,
    width: int,
) -> None:
    """axe-core finds nothing serious; at 200% zoom (half the width) nothing is cut off."""
    case = take(1, device_id="shared")
    take(2, device_id="shared")
    take(3, "challenge")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    answer = links.make("t3").rpartition("/")[2]
    for path in (*PAGES, f"/cases/{case}", f"/answer/{answer}"):
        page.goto(address + path)
        if path.startswith("/cases"):
            expect(page.locator("#past")).to_contain_text("no tables yet")
        found = Axe().run(page).response["violations"]
        bad = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found if each["impact"] in SERIOUS]
        assert bad == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
