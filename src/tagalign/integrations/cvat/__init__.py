"""First annotations inside CVAT: a function module for ``cvat-cli`` and for CVAT's agents.

    cvat-cli task auto-annotate 7 --function-module tagalign.integrations.cvat \
        -p labels="str:dog|traffic_light" -p shapes=str:masks

CVAT calls ``create`` with what stands behind ``-p``, matches the labels of the function with those of the task by name, and
then sends photo by photo.
"""

from tagalign.integrations.cvat.function import CvatFunction

create = CvatFunction
