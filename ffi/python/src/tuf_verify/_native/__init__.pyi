# The C library, as maturin and cffi make it of ffi/src: what is here is for the type checker.
from typing import Any

ffi: Any
lib: Any
