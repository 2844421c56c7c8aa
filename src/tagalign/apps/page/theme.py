"""Colours and fonts of the page: gradio's soft theme with texts dark enough to be read (contrast 4.5 and more)."""

import gradio as gr

SYSTEM_FONTS = ("system-ui", "sans-serif")  # nothing is loaded from elsewhere


def page_theme() -> gr.themes.Base:
    """The theme; a test measures its contrasts in a browser."""
    theme = gr.themes.Soft(primary_hue="blue", font=SYSTEM_FONTS, font_mono=("ui-monospace", "monospace"))
    titles = {
        f"block_{part}_text_color{mode}": f"*primary_{shade}"
        for part in ("label", "title")
        for mode, shade in (("", 700), ("_dark", 200))
    }
    subdued = {
        name: value
        for kind in ("block_info_text_color", "body_text_color_subdued", "input_placeholder_color")
        for name, value in ((kind, "*neutral_600"), (f"{kind}_dark", "*neutral_300"))
    }
    buttons = {
        f"{part}{mode}": "*primary_700" if part.endswith("hover") else "*primary_600"
        for part in ("button_primary_background_fill", "button_primary_background_fill_hover")
        for mode in ("", "_dark")
    } | {"button_secondary_background_fill_hover_dark": "*primary_700"}
    chosen = {
        "checkbox_label_background_fill_selected": "*primary_600",
        "checkbox_label_background_fill_selected_dark": "*primary_600",
        "block_label_background_fill_dark": "*neutral_700",
        "block_title_background_fill_dark": "*neutral_700",
        "color_accent": "*primary_600",
        "link_text_color_dark": "*primary_300",
        "link_text_color_visited_dark": "*primary_300",
    }
    # set() of gradio 6 forgets these two, and with them the ground that the cards lie on
    ground = {
        "background_fill_primary": theme.background_fill_primary,
        "background_fill_primary_dark": theme.background_fill_primary_dark,
    }
    return theme.set(**titles, **subdued, **buttons, **chosen, **ground)
