"""The pages of runs in a real browser: the list, one run, and several beside each other."""

import json
from typing import TYPE_CHECKING

from bit_transformer.runs import RunFolder
from tests.dashboard.asking import wait_for
from tests.dashboard.conftest import PageLog, Server, drawn, until, until_so
from tests.dashboard.written_runs import append_rows

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIEWS = ("raw", "compressed", "direct")


def test_the_list_shows_every_run_with_its_state_and_loss(server: Server, page: "Page"):
    server.write_run("one", level=2.0)
    server.write_run("two", level=3.0, state="stopped", message="asked to stop")
    page.goto(server.url)
    page.wait_for_selector(".run-row >> nth=1")
    assert page.locator(".page-lead").inner_text() == "2 in all, none running"
    assert page.locator("[data-run=one] .badge").inner_text() == "finished"
    assert page.locator("[data-run=two] .badge").inner_text() == "stopped"
    assert "bits per byte, held out" in page.locator("[data-run=one] .run-loss").inner_text()
    page.wait_for_selector("[data-run=one] .sparkline-line")


def test_an_empty_folder_says_how_to_start(server: Server, page: "Page"):
    page.goto(server.url)
    page.wait_for_selector(".empty")
    assert "bit-transformer demo" in page.locator(".empty").inner_text()
    page.get_by_role("link", name="Start the first run").click()
    page.wait_for_selector(".page-new h1")


def test_a_run_started_elsewhere_appears_by_itself(server: Server, page: "Page"):
    page.goto(server.url)
    page.wait_for_selector(".empty")
    server.write_run("from-the-terminal", num_steps=30, total_steps=100, state="running")
    page.wait_for_selector("[data-run=from-the-terminal] .badge-running")


def test_runs_are_found_by_name_and_ordered_by_loss(server: Server, page: "Page"):
    for name, level in (("apple", 3.0), ("pear", 1.0), ("apricot", 2.0)):
        server.write_run(name, num_steps=40, level=level)
    page.goto(server.url)
    page.wait_for_selector(".run-row >> nth=2")
    page.select_option("[aria-label=Order]", "best")
    links = page.locator(".run-link")
    assert links.all_inner_texts() == ["pear", "apricot", "apple"]
    page.fill("[aria-label='Find a run']", "ap")
    assert links.all_inner_texts() == ["apricot", "apple"]


def test_a_name_or_message_that_is_markup_stays_text(server: Server, page: "Page"):
    hostile = "<img src=x onerror=\"document.title='owned'\">"
    path = server.write_run("hostile", num_steps=20, state="failed", message=hostile)
    sample = {"step": 20, "prompt": hostile, "text": "<script>document.title='owned'</script>"}
    RunFolder(path).samples_path.write_text(json.dumps(sample) + "\n", encoding="utf-8")
    page.goto(f"{server.url}/#/runs/hostile")
    page.wait_for_selector(".sample-text")
    assert hostile in page.locator(".error-what").inner_text()
    assert page.locator(".sample-text script, .error-what img").count() == 0
    assert "owned" not in page.title()


def test_each_view_has_a_labelled_curve_of_its_own(server: Server, page: "Page"):
    server.write_run("views", direct_prob=0.3)
    page.goto(f"{server.url}/#/runs/views")
    page.wait_for_selector(drawn("views"))
    until_so(
        page,
        lambda: page.locator("[data-chart=views] .legendtext").all_text_contents() == list(VIEWS),
    )
    curves = page.evaluate(
        """() => document.querySelector("[data-chart=views] .chart-plot").data
            .filter((trace) => trace.showlegend !== false)
            .map(({ name, line }) => [name, line.color, line.dash])"""
    )
    assert [name for name, _, _ in curves] == list(VIEWS)
    assert len({colour for _, colour, _ in curves}) == len({dash for _, _, dash in curves}) == 3


def test_figures_and_charts_follow_a_run_as_it_grows(server: Server, page: "Page"):
    path = server.write_run("live", num_steps=50, total_steps=400, state="running")
    page.goto(f"{server.url}/#/runs/live")
    page.wait_for_selector(drawn("loss"))
    before = page.locator("[data-tile=loss] .tile-value").inner_text()
    run = RunFolder(path)
    append_rows(run, 51, 120, 400)
    until(page, "document.querySelector('.run-progress').innerText.includes('step 120')")
    assert page.locator("[data-tile=loss] .tile-value").inner_text() != before
    until(
        page, """document.querySelector("[data-chart=loss] .chart-plot").data[0].x.at(-1) === 120"""
    )
    run.write_status("finished", 120, "the budget is spent")
    page.wait_for_selector("h1 + .run-state .badge-finished")


def test_ten_tabs_of_one_browser_all_follow_a_run(server: Server, page: "Page"):
    path = server.write_run("live", num_steps=50, total_steps=400, state="running")
    tabs = [page, *(page.context.new_page() for _ in range(9))]
    for tab in tabs:
        tab.goto(f"{server.url}/#/runs/live")
        until(tab, "document.querySelector('.run-progress')?.innerText.includes('step 50')")
    append_rows(RunFolder(path), 51, 90, 400)
    for tab in tabs:
        tab.bring_to_front()
        until(tab, "document.querySelector('.run-progress').innerText.includes('step 90')")


def choose_stretch(page: "Page") -> bool:
    """Drag over the middle of the loss's chart, and give the chart a moment."""
    box = page.locator("[data-chart=loss] .nsewdrag").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    return True


def test_a_chosen_stretch_stays_chosen_while_numbers_come_in(server: Server, page: "Page"):
    path = server.write_run("live", num_steps=100, total_steps=400, state="running")
    page.goto(f"{server.url}/#/runs/live")
    page.wait_for_selector(drawn("loss"))
    chosen = """document.querySelector("[data-chart=loss] .chart-plot").layout.xaxis.range"""
    # A chart that is drawn anew while the pointer is down lets go of it.
    wait_for(lambda: choose_stretch(page) and page.evaluate(f"{chosen}[1] < 90"))
    before = page.evaluate(chosen)
    append_rows(RunFolder(path), 101, 140, 400)
    until(
        page, """document.querySelector("[data-chart=loss] .chart-plot").data[0].x.at(-1) === 140"""
    )
    assert page.evaluate(chosen) == before
    page.get_by_role("button", name="Show everything: Loss", exact=True).click()
    until(page, f"{chosen}[1] >= 140")


def test_smoothing_log_axis_and_time_axis_change_the_charts(server: Server, page: "Page"):
    server.write_run("one")
    page.goto(f"{server.url}/#/runs/one")
    page.wait_for_selector(drawn("loss"))
    plot = """document.querySelector("[data-chart=loss] .chart-plot")"""
    page.get_by_label("Smoothing").fill("0")
    until(page, f"{plot}.data.length === 2")
    page.get_by_label("Smoothing").fill("0.9")
    until(page, f"{plot}.data.length === 3")
    page.get_by_role("button", name="Logarithmic axis: Loss", exact=True).click()
    until(page, f"{plot}.layout.yaxis.type === 'log'")
    page.get_by_label("Horizontal axis").select_option("elapsed_s")
    until(page, f"{plot}.data[0].x.at(-1) === 50")
    page.reload()
    page.wait_for_selector(drawn("loss"))
    assert page.get_by_label("Horizontal axis").input_value() == "elapsed_s"


def test_numbers_and_pictures_can_be_saved(server: Server, page: "Page"):
    server.write_run("one", num_steps=60)
    page.goto(f"{server.url}/#/runs/one")
    page.wait_for_selector(drawn("loss"))
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV: Loss", exact=True).click()
    lines = saved.value.path().read_text("utf-8").splitlines()
    assert lines[0] == "training: step,training: Loss,held out: step,held out: Loss"
    assert len(lines) == 61
    with page.expect_download() as saved:
        page.get_by_role("button", name="PNG: Loss", exact=True).click()
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV", exact=True).click()
    assert "views.raw.bits_per_bit" in saved.value.path().read_text("utf-8").splitlines()[0]


def test_telemetry_switches_to_decompressed_bits_and_says_so(server: Server, page: "Page"):
    server.write_run("frames", direct_prob=0.3)
    page.goto(f"{server.url}/#/runs/frames")
    chart = page.locator("[data-chart=frames]")
    chart.scroll_into_view_if_needed()
    page.wait_for_selector(drawn("frames"))
    first = """document.querySelector("[data-chart=frames] .chart-plot").data[0].y[0]"""
    assert chart.locator(".chart-tag").inner_text() == "compressed bits"
    assert page.evaluate(first) == 0.02
    page.get_by_role("switch", name="Enable Compression").click()
    until(page, f"{first} === 0.21")
    assert chart.locator(".chart-tag").inner_text() == "decompressed bits"
    assert page.locator("[data-chart=telemetry] .chart-tag").inner_text() == "decompressed bits"


def test_gates_are_lines_in_the_chart_and_their_warnings_are_listed(server: Server, page: "Page"):
    server.write_run("drifts", level=5.0)
    page.goto(f"{server.url}/#/runs/drifts")
    page.locator("[data-chart=telemetry]").scroll_into_view_if_needed()
    page.wait_for_selector(drawn("telemetry"))
    notes = page.locator("[data-chart=telemetry] .annotation-text")
    until_so(page, lambda: "warn: S < 0.6" in notes.all_text_contents())
    assert "below 0.6" in page.locator(".gate >> nth=0").inner_text()


def test_a_hundred_thousand_steps_are_drawn_from_a_few_thousand_points(
    server: Server, page: "Page"
):
    server.write_run("long", num_steps=100_000)
    page.goto(f"{server.url}/#/runs/long")
    page.wait_for_selector(drawn("loss"))
    ends = page.evaluate(
        """() => {
            const { x } = document.querySelector("[data-chart=loss] .chart-plot").data[0];
            return [x.length, x.at(0), x.at(-1)];
        }"""
    )
    assert 500 < ends[0] <= 2200
    assert ends[1:] == [1, 100_000]


def test_a_page_that_stays_open_keeps_a_bounded_number_of_rows(server: Server, page: "Page"):
    page.goto(server.url)
    kept = page.evaluate(
        """async () => {
            const { SeriesStore, LIMIT } = await import("/runs/series-store.js");
            const store = new SeriesStore();
            const empty = { evaluate: {}, views: {}, evaluate_views: {}, telemetry: {},
                            telemetry_direct: {}, gates: [] };
            for (let step = 0; step < 50_000; step += 50) {
                const steps = Array.from({ length: 50 }, (_, index) => step + index);
                const loss = steps.map((one) => (one === 777 ? 99 : 1));
                const train = { step: steps, bits_per_byte: loss };
                store.absorb({ next: "", is_reset: false, series: { ...empty, train } });
            }
            const { x, y } = store.curve("train", "bits_per_byte");
            return [x.length <= LIMIT, x.at(0), x.at(-1), Math.max(...y)];
        }"""
    )
    assert kept == [True, 0, 49_999, 99]


def test_runs_lie_over_each_other_and_their_settings_are_told_apart(server: Server, page: "Page"):
    server.write_run("shallow", num_steps=60, settings={"model": {"depth": 1}})
    server.write_run("deep", num_steps=60, settings={"model": {"depth": 3}}, level=1.5)
    page.goto(server.url)
    page.get_by_label("Choose shallow for comparison").check()
    page.get_by_label("Choose deep for comparison").check()
    page.get_by_role("link", name="Compare 2").click()
    page.wait_for_selector(drawn("compare-loss"))
    legend = page.locator("[data-chart=compare-loss] .legendtext")
    until(page, "document.querySelectorAll('[data-chart=compare-loss] .legendtext').length === 2")
    assert sorted(legend.all_text_contents()) == ["deep", "shallow"]
    page.get_by_role("rowheader", name="model.depth").wait_for()
    row = page.locator("tr:has(code:text-is('model.depth')) td")
    assert sorted(row.all_inner_texts()) == ["1", "3"]
    assert page.locator("tr:has(a:text-is('deep')) .winner").inner_text() == "lowest"
    page.locator(".check:has-text('shallow')").click()
    until(page, "location.hash === '#/compare?runs=deep'")


def test_a_comparison_with_a_run_that_is_gone_says_so_and_shows_the_rest(
    server: Server, page: "Page"
):
    server.write_run("here", num_steps=40)
    page.goto(f"{server.url}/#/compare?runs=here,gone")
    page.wait_for_selector(".error-card")
    assert "gone" in page.locator(".error-what").inner_text()
    page.wait_for_selector(drawn("compare-loss"))


def test_a_run_that_does_not_exist_is_an_error_with_a_way_on(
    server: Server, page: "Page", page_log: PageLog
):
    page_log.allow(r"status of 404")
    page.goto(f"{server.url}/#/runs/never")
    page.wait_for_selector(".error-card")
    assert "never" in page.locator(".error-what").inner_text()
    server.write_run("never", num_steps=20)
    page.click("[data-fallback=retry]")
    page.wait_for_selector("h1:text-is('never')")
