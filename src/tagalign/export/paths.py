"""File names of images inside a folder of results."""

from pathlib import Path, PurePosixPath

from tagalign.errors import InputError


def inside(folder: Path, file_name: str, suffix: str) -> Path:
    """The path of an image's file in a folder of results, with another suffix.

    >>> inside(Path("out"), "day/cat.jpg", ".txt").as_posix()
    'out/day/cat.txt'

    Raises:
        InputError: if the name would leave the folder.
    """
    name = PurePosixPath(file_name.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or not name.name or ":" in name.parts[0]:
        raise InputError(f"{file_name!r}: expected a file name inside the folder of the images")
    return folder / name.with_suffix(suffix)


def own_file(folder: Path, file_name: str, suffix: str, written: set[Path]) -> Path:
    """See ``inside``; of a format with a file per image, in which no two may share one.

    Args:
        folder: of the files.
        file_name: of the image.
        suffix: of the files.
        written: the files so far; takes in this one.

    Raises:
        InputError: if the name would leave the folder, or another image has taken the file.
    """
    path = inside(folder, file_name, suffix)
    if path in written:
        raise InputError(
            f"{file_name}: another image of this name and another ending has taken {path.name}; rename one"
        )
    written.add(path)
    return path
