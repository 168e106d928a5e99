"""Photos that patients send: images by their content, cleaned of what a telephone adds."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from PIL import Image, ImageOps

from compliance.services.documents import MOST_BYTES
from compliance.services.errors import Invalid

MOST_PIXELS = 60_000_000  # a small file can unfold into an image that fills the memory
LONGEST_SIDE = 2400  # pixels; enough to read a line on a test
FORMATS = ("JPEG", "PNG")
ALIKE = 6  # of 64 bits; so few that differ show the same picture, saved or cropped anew
_GRID = 8


@dataclass(frozen=True, slots=True)
class Photo:
    """An image without place, time or device, and how its picture is known again."""

    content: bytes
    sent_sha256: str
    picture: str  # 16 hexadecimal digits: where it is brighter from left to right

    @property
    def sha256(self) -> str:
        """The digest of the clean image, as a document keeps it."""
        return hashlib.sha256(self.content).hexdigest()

    def resembles(self, picture: str) -> bool:
        """Whether another picture looks nearly the same; many photos of tests do."""
        return bool(picture) and (int(self.picture, 16) ^ int(picture, 16)).bit_count() <= ALIKE


def read_photo(content: bytes) -> Photo:
    """The photo in what was sent; raises Invalid for anything but a JPEG or PNG up to 10 MB."""
    if not content:
        raise Invalid({"photo": "Choose a photo."})
    if len(content) > MOST_BYTES:
        raise Invalid({"photo": f"Found {len(content):,} bytes; allowed are {MOST_BYTES:,}."})
    image = _opened(content)
    clean = io.BytesIO()
    image.save(clean, "JPEG", quality=88)
    return Photo(clean.getvalue(), hashlib.sha256(content).hexdigest(), _picture(image))


def _opened(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        if image.width * image.height > MOST_PIXELS:
            raise ValueError
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG need not be unfolded whole
        upright = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Invalid({"photo": "By its content this is no photo (JPEG or PNG)."}) from None
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    bare = Image.new("RGB", upright.size)
    bare.paste(upright)  # pixels only: nothing that was written beside them comes along
    return bare


def _picture(image: Image.Image) -> str:
    """The difference hash: for each of 8 by 8 places whether the next one is brighter."""
    small = image.convert("L").resize((_GRID + 1, _GRID))
    grey = small.tobytes()
    bits = 0
    for row in range(_GRID):
        for column in range(_GRID):
            at = row * (_GRID + 1) + column
            bits = bits << 1 | (grey[at + 1] > grey[at])
    return f"{bits:016x}"
