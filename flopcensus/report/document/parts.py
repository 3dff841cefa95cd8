"""What the parts of a results document are made of: quantiles, shares, and models that ignore what is new."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

NotNegative = Annotated[float, Field(ge=0, le=1e60)]
# a sum of shares may pass 1 by rounding
Share = Annotated[float, Field(ge=0, le=1 + 1e-6)]


class Part(BaseModel):
    """Base of all parts: frozen, and keys that the page does not know are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Spread(Part):
    """5th, 50th and 95th percentile and mean, in the unit of its place."""

    p5: NotNegative
    p50: NotNegative
    p95: NotNegative
    mean: NotNegative

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.p5 <= self.p50 <= self.p95:
            raise PydanticCustomError("order", "percentiles that do not rise from p5 to p95")
        return self


class ShareSpread(Part):
    """A share, with its 5th and 95th percentile."""

    share: Share
    p5: Share
    p95: Share
