"""Someone else's formats: PNG, COCO, YOLO, CVAT, ONNX and more."""
