"""The base of what is written into a manifest or a journal."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Values that do not change, with their JSON form."""

    model_config = ConfigDict(frozen=True)
