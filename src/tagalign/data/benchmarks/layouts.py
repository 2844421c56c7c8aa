"""How each benchmark lies on disk, where people get it, under which terms, how large it is."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The expected folder of a benchmark.

    Attributes:
        tree: what must be there, as a tree; names in capitals are placeholders.
        source: where people get it.
        licence: terms, as the publishers state them.
        size: of the download, roughly.
        note: what else one should know.
    """

    tree: str
    source: str
    licence: str
    size: str
    note: str = ""


_FLICKR = "annotations CC BY 4.0; photos keep their Flickr terms"
_COCO_SITE = "cocodataset.org"

LAYOUTS: dict[str, Layout] = {
    "voc2012": Layout(
        tree="""\
FOLDER (VOC2012, or what holds VOCdevkit/VOC2012)
├── JPEGImages/NAME.jpg
├── SegmentationClass/NAME.png             palette, 0 background, 1-20, 255 void
├── SegmentationClassAug/NAME.png          for train_aug alone
└── ImageSets/Segmentation/{train,val,trainval}.txt
                           trainaug.txt    or aug.txt, for train_aug alone""",
        source="host.robots.ox.ac.uk/pascal/VOC/voc2012; augmented masks: the SBD of Hariharan et al., as converted masks",
        licence="Flickr terms of the photos; free for research",
        size="2 GB",
        note="voc20 and voc21 are different benchmarks: with 20 classes background pixels are not counted.",
    ),
    "context": Layout(
        tree="""\
FOLDER (VOC2010, or what holds VOCdevkit/VOC2010)
├── JPEGImages/NAME.jpg
├── SegmentationClassContext/NAME.png      converted: 0 background, 1-59
└── ImageSets/SegmentationContext/{train,val}.txt""",
        source="cs.stanford.edu/~roozbeh/pascal-context with VOC 2010; converted masks as MMSegmentation makes them",
        licence="Flickr terms of the photos; free for research",
        size="1.5 GB",
        note="The original .mat files with 459 labels are not read: the converted masks are what the papers evaluate on.",
    ),
    "coco-object": Layout(
        tree="""\
FOLDER
├── images/val2017/NAME.jpg                or val2017/
├── annotations/val2017/NAME.png           stuff-thing maps as released, or NAME_instanceTrainIds.png (0-80)
└── annotations/instances_val2017.json     used where there are no maps""",
        source=f"{_COCO_SITE}; stuff-thing maps: github.com/nightrome/cocostuff",
        licence=_FLICKR,
        size="1 GB (val2017), 19 GB (train2017), maps 0.7 GB",
    ),
    "coco-stuff": Layout(
        tree="""\
FOLDER
├── images/val2017/NAME.jpg                or val2017/
└── annotations/val2017/NAME.png           or stuffthingmaps/val2017/; official id - 1, 255 unlabelled;
                        NAME_labelTrainIds.png (0-170) where they were converted""",
        source=f"{_COCO_SITE}; stuff-thing maps: github.com/nightrome/cocostuff",
        licence=_FLICKR,
        size="1 GB (val2017), 19 GB (train2017), maps 0.7 GB",
    ),
    "coco-stuff-27": Layout(
        tree="""\
FOLDER as for coco-stuff, and
└── curated/val2017/Coco164kFull_Stuff_Coarse.txt    4,172 image names""",
        source="the list is part of the code of IIC (github.com/xu-ji/IIC)",
        licence=_FLICKR,
        size="as coco-stuff",
        note="Lists of 2,175 images (Coco164kFull_Stuff_Coarse_7.txt) belong to another protocol. The name of the list "
        "file was not checked against a copy.",
    ),
    "cityscapes": Layout(
        tree="""\
FOLDER
├── leftImg8bit/val/CITY/NAME_leftImg8bit.png
└── gtFine/val/CITY/NAME_gtFine_labelIds.png         or NAME_gtFine_labelTrainIds.png""",
        source="cityscapes-dataset.com (registration)",
        licence="Cityscapes terms: non-commercial",
        size="11.2 GB",
    ),
    "ade20k": Layout(
        tree="""\
FOLDER (ADEChallengeData2016, or what holds it)
├── images/{training,validation}/NAME.jpg
└── annotations/{training,validation}/NAME.png       0 other (ignored), 1-150""",
        source="sceneparsing.csail.mit.edu",
        licence="BSD-3 (annotations); images for non-commercial research",
        size="1 GB",
    ),
    "ade20k-847": Layout(
        tree="""\
FOLDER (ADE20K_2021_17_01, or what holds it)
├── images_detectron2/{training,validation}/NAME.jpg
└── annotations_detectron2/{training,validation}/NAME.tif     16 bits: 0-846, 65535 ignored""",
        source="ade20k.csail.mit.edu (registration), converted by MaskFormer's prepare_ade20k_full_sem_seg.py",
        licence="ADE20K terms: non-commercial research",
        size="6 GB, converted 1 GB",
        note="The conversion shrinks large pictures to a short side of 512 pixels; published numbers are of those.",
    ),
    "imagenet-s": Layout(
        tree="""\
FOLDER (ImageNetS50, ImageNetS300, ImageNetS919, or what holds it)
├── validation/WNID/NAME.JPEG
└── validation-segmentation/WNID/NAME.png            colour: id = red + 256 green, 0 other, 1000 ignored""",
        source="github.com/LUSSeg/ImageNet-S, with a copy of ImageNet-1k",
        licence="ImageNet terms: non-commercial research",
        size="ImageNet-1k 150 GB, masks under 1 GB",
    ),
    "voc2007": Layout(
        tree="""\
FOLDER (VOC2007, or what holds VOCdevkit/VOC2007)
├── JPEGImages/NAME.jpg
└── ImageSets/Main/LABEL_{test,trainval,train,val}.txt    20 lists: NAME 1 | -1 | 0 (difficult only)""",
        source="host.robots.ox.ac.uk/pascal/VOC/voc2007",
        licence="Flickr terms of the photos; free for research",
        size="0.9 GB",
        note="Images that show only difficult objects of a label are not counted for it, as VOC's tools do; lists that "
        "count them as positives (TagCLIP's seem to) give other numbers.",
    ),
    "coco2014": Layout(
        tree="""\
FOLDER
├── val2014/NAME.jpg                                 or images/val2014/
└── annotations/instances_val2014.json""",
        source=_COCO_SITE,
        licence=_FLICKR,
        size="6 GB (val2014), 13 GB (train2014)",
        note="Images without any annotation are left out: 40,137 of 40,504.",
    ),
    "coco2017": Layout(
        tree="""\
FOLDER
├── val2017/NAME.jpg                                 or images/val2017/
└── annotations/instances_val2017.json""",
        source=_COCO_SITE,
        licence=_FLICKR,
        size="1 GB (val2017), 19 GB (train2017)",
        note="Tagging leaves out images without any annotation: 4,952 of 5,000 (the TagCLIP paper says 5,000).",
    ),
    "openimages-common": Layout(
        tree="""\
FOLDER (openimages_common_214, or what holds it)
├── imgs/NAME.jpg
├── openimages_common_214_ram_annots.txt             NAME,tag,tag,...
└── openimages_common_214_ram_taglist.txt            214 tags""",
        source="github.com/xinyu1205/recognize-anything (lists), OpenImages V6 (images)",
        licence="OpenImages: annotations CC BY 4.0, images CC BY 2.0; lists Apache-2.0",
        size="9 GB",
    ),
    "refcoco": Layout(
        tree="""\
FOLDER
├── train2014/NAME.jpg                               or images/train2014/
├── refcoco/instances.json   refs(unc).p
├── refcoco+/instances.json  refs(unc).p
└── refcocog/instances.json  refs(umd).p  refs(google).p       refs(...).json is read too""",
        source="github.com/lichengunc/refer, images of COCO 2014",
        licence=_FLICKR,
        size="13 GB (train2014), annotations 0.2 GB",
        note="The .p files are pickles; the reader refuses everything but lists, dicts, strings and numbers.",
    ),
    "coco-karpathy": Layout(
        tree="""\
FOLDER
├── dataset_coco.json                                or annotations/
└── {val2014,train2014}/NAME.jpg                     or images/{val2014,train2014}/""",
        source=f"cs.stanford.edu/people/karpathy/deepimagesent (the JSON), {_COCO_SITE} (images)",
        licence=_FLICKR,
        size="6 GB (test and val lie in val2014)",
    ),
    "coco-captions": Layout(
        tree="""\
FOLDER
├── val2017/NAME.jpg                                 or images/val2017/
└── annotations/captions_val2017.json""",
        source=_COCO_SITE,
        licence=_FLICKR,
        size="1 GB (val2017)",
    ),
    "flickr30k": Layout(
        tree="""\
FOLDER
├── dataset_flickr30k.json                           or annotations/
└── flickr30k-images/NAME.jpg                        or images/flickr30k-images/""",
        source="shannon.cs.illinois.edu/DenotationGraph (on request); the JSON: Karpathy's page",
        licence="Flickr terms; non-commercial research",
        size="4.4 GB",
    ),
    "nocaps": Layout(
        tree="""\
FOLDER
├── nocaps_val_4500_captions.json                    or annotations/
└── val/NAME.jpg                                     or images/val/""",
        source="nocaps.org",
        licence="captions CC BY 2.0; OpenImages photos CC BY 2.0",
        size="1.6 GB",
        note="Captions of the test split are secret.",
    ),
    "vqa-v2": Layout(
        tree="""\
FOLDER
├── v2_OpenEnded_mscoco_val2014_questions.json       or annotations/
├── v2_mscoco_val2014_annotations.json               or annotations/; not for test2015
└── val2014/COCO_val2014_NUMBER.jpg                  or images/val2014/""",
        source="visualqa.org",
        licence="CC BY 4.0; photos keep their Flickr terms",
        size="6 GB (val2014)",
    ),
    "own": Layout(
        tree="""\
FOLDER (as tagalign import annotations --into benchmark writes it)
├── photos/NAME.jpg                                  any format of photos
├── masks/NAME.png                                   0 none of the labels, labels from 1, 255 (or 65535) not counted
├── labels.json                                      a label set
├── labels.jsonl                                     per photo: image, tags, boxes
└── import.json""",
        source="your annotations: Label Studio, CVAT, COCO, YOLO, VOC",
        licence="yours",
        size="yours",
        note="own counts pixels without a label as background, own-labels does not count them.",
    ),
    "tiny-world": Layout(
        tree="no folder: the scenes are drawn when they are asked for",
        source="part of this package",
        licence="Apache-2.0",
        size="0",
        note="500 scenes of the split, seed 0, unless --limit says otherwise.",
    ),
}
