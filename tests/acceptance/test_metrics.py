"""What Prometheus reads of a running bot."""

import asyncio
import re
import socket

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from sandbox.discord_api.faults import Fault, FaultKind
from sandbox.discord_api.rate_limits import GLOBAL, RateLimited, RateLimitState

PATIENCE_S = 60


class Scraper:
    """Reads `/metrics` as Prometheus does."""

    def __init__(self, session, port):
        self._session = session
        self._url = f"http://127.0.0.1:{port}/metrics"
        self.samples = {}

    async def scrape(self):
        async with self._session.get(self._url) as response:
            text = await response.text()
        self.samples = {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def wait_for(self, *sample, value):
        async with asyncio.timeout(PATIENCE_S):
            while self.samples.get(sample) != value:
                await self.scrape()


async def test_metrics_follow_what_a_running_bot_does(environment):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with (
        environment.bot(http=f"127.0.0.1:{port}") as core,
        aiohttp.ClientSession() as session,
    ):
        (backend,) = core.pool.names
        metrics = Scraper(session, port)
        await metrics.wait_for("limner_backend_up", backend, value=1)
        assert metrics.samples["limner_line_generations", "running"] == 0
        assert metrics.samples["limner_discord_rate_limited_total",] == 0

        reply = await environment.imagine_held()
        await metrics.wait_for("limner_line_generations", "running", value=1)
        await metrics.wait_for("limner_backend_generations", backend, value=1)
        assert metrics.samples["limner_charged_pictures_total",] == 0
        too_many = RateLimited(RateLimitState(GLOBAL, "", remaining=0, reset_after=0.01))
        environment.world.faults.add(
            Fault(FaultKind.REFUSE, "PATCH", re.compile("/messages/"), error=too_many)
        )
        environment.comfyui.release()
        await reply.until(environment.is_done, PATIENCE_S)
        await metrics.wait_for("limner_line_generations", "running", value=0)

        (workflow,) = [key[-1] for key in metrics.samples if key[0] == "limner_generations_total"]
        assert workflow in core.catalog.workflows
        assert metrics.samples["limner_generations_total", "succeeded", "", workflow] == 1
        assert metrics.samples["limner_charged_pictures_total",] == 1
        assert metrics.samples["limner_charged_gpu_seconds_total",] > 0
        assert metrics.samples["limner_waiting_seconds_count",] == 1
        assert metrics.samples["limner_running_seconds_count", workflow] == 1
        assert metrics.samples["limner_discord_rate_limited_total",] == 1

        await environment.comfyui.stop()
        await metrics.wait_for("limner_backend_up", backend, value=0)


async def test_an_end_that_cannot_be_told_is_counted(environment):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with environment.bot(http=f"127.0.0.1:{port}"), aiohttp.ClientSession() as session:
        metrics = Scraper(session, port)
        reply = await environment.imagine_held()
        environment.world.messages.delete(environment.world.messages.get(int(reply.message["id"])))
        environment.comfyui.release()
        await metrics.wait_for("limner_delivery_failures_total", "impossible", value=1)
