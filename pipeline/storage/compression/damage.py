"""What is raised where stored bytes can't be decompressed."""


class DamagedError(Exception):
    """A file can't be decompressed, or read, beyond this point.

    `frame` is the file offset of the frame at fault, `at` how far the stored bytes were good, `cut` whether the bytes
    only end too early.
    """

    def __init__(self, message: str, frame: int, at: int, cut: bool = False) -> None:
        super().__init__(message)
        self.frame, self.at, self.cut = frame, at, cut
