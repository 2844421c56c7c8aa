"""Half the fused score and half a label's own; the weights themselves are tried in tests/tasks/folder_look."""

import torch

from tagalign.methods.looks.compounds import halves


def test_a_label_without_prompts_keeps_its_score_and_the_others_are_fused_by_rank():
    single = torch.tensor([[1.0, 2.0], [3.0, -1.0]], dtype=torch.float64)
    compound = torch.tensor([[5.0, -4.0], [0.0, 2.0]], dtype=torch.float64)
    found = halves(single, compound, ((0, 1), ()), ((0.25, 0.5, 0.25), ()))
    first = [0.25 * -4 + 0.5 * 5 + 0.25 * 1, 0.25 * 0 + 0.5 * 2 + 0.25 * 3]
    wanted = torch.tensor([[(first[0] + 1) / 2, 2.0], [(first[1] + 3) / 2, -1.0]], dtype=torch.float64)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
