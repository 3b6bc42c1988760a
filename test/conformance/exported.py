"""A release as its exported files tell it, by readers that are not ours: what a server's answers about it are held against."""

import json
import re
from functools import cached_property
from pathlib import Path

import networkx as nx
import pyarrow.dataset as ds


class Exported:
    def __init__(self, args):
        self.folder = Path(args["files"])
        manifest = json.loads((self.folder / "release.json").read_text())
        self.dataset, self.release = manifest["dataset"], manifest["release"]
        self.voxel_nm = manifest["voxelSizeNm"]
        self.bounds = manifest["bounds"]

    def table(self, name):
        """All ranges of a table."""
        parts = [p for p in (self.folder / "tables").iterdir() if re.fullmatch(rf"{name}(-\d+-of-\d+)?\.parquet", p.name)]
        return ds.dataset(sorted(map(str, parts)), format="parquet").to_table()

    @cached_property
    def synapses(self):
        return self.table("synapses").to_pandas()

    @cached_property
    def segments(self):
        return self.table("segments").to_pandas()

    @cached_property
    def edges(self):
        """The strongest first."""
        return self.table("edges").to_pandas().sort_values(["count", "pre", "post"], ascending=[False, True, True])

    @cached_property
    def strongest(self):
        """The ends of the strongest connection."""
        return rows(self.edges[:1], ["pre", "post"])[0]

    @cached_property
    def graph(self):
        graph = nx.DiGraph()
        graph.add_weighted_edges_from(rows(self.edges, ["pre", "post", "count"]))
        return graph

    def made_by(self, segment):
        return self.synapses[self.synapses["pre_segment"] == segment]

    def onto(self, segment):
        return self.synapses[self.synapses["post_segment"] == segment]

    def volume(self, layer, **more):
        from cloudvolume import CloudVolume

        return CloudVolume(f"precomputed://file://{self.folder / layer}", progress=False, fill_missing=True, **more)


def rows(frame, columns):
    """Column by column, for numpy would make numbers of one kind of a row: ids are larger than a double holds."""
    return sorted(zip(*(frame[c].tolist() for c in columns)))


def same(got, expected, what=""):
    """Equal lists of rows."""
    got, expected = sorted(map(tuple, got)), sorted(map(tuple, expected))
    assert len(got) == len(expected), f"{what}: {len(got)} rows, not {len(expected)}: {got[:3]} {expected[:3]}"
    for g, e in zip(got, expected):
        assert all(abs(a - b) <= 1e-6 * max(1, abs(b)) if isinstance(a, float) else a == b for a, b in zip(g, e)), (what, g, e)
