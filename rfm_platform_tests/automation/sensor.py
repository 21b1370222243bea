"""A sensor of ours, ticked by hand."""

from dataclasses import dataclass

import dagster as dg

from rfm_platform.definitions import build_defs
from rfm_platform.wiring import Platform


@dataclass
class Sensor:
    """A sensor on an instance, with the cursor that its last tick left."""

    name: str
    instance: dg.DagsterInstance
    platform: Platform
    cursor: str | None = None

    def tick(self) -> str:
        """One evaluation in a code location made anew; what it says."""
        repository = build_defs(self.platform.settings).get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=repository,
            resources={"platform": self.platform},
        ) as context:
            said = repository.get_sensor_def(self.name).evaluate_tick(context)
            self.cursor = context.cursor
        return said.skip_message or ""
