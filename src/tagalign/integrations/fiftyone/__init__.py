"""Tags, masks, objects, heat maps and search inside FiftyOne.

    from tagalign.integrations.fiftyone import FiftyOneSettings

    model = FiftyOneSettings(labels="dog,car", outputs="classifications,detections").open()
    dataset.apply_model(model, label_field="tagalign")

Or by name, after ``register()``, from its zoo: ``foz.load_zoo_model("tagalign", labels="dog,car")``.
"""

from tagalign.integrations.fiftyone.model import FiftyOneSettings
from tagalign.integrations.fiftyone.registering import register

__all__ = ["FiftyOneSettings", "register"]
