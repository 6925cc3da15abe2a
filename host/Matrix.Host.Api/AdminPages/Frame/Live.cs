using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>A part of a page that renews itself: every five seconds by its script, rarely without scripts.</summary>
internal static class Live
{
    private const string Script = """
        const live = document.getElementById("live");
        setInterval(async () => {
          if (document.hidden) return;
          const response = await fetch(location.href, { redirect: "manual" }).catch(() => null);
          if (response?.type === "opaqueredirect") return location.reload();
          if (!response?.ok) return;
          const page = new DOMParser().parseFromString(await response.text(), "text/html");
          const next = page.getElementById("live");
          if (next && !live.contains(document.activeElement)) live.replaceChildren(...next.childNodes);
        }, 5000);
        """;

    /// <summary>The part.</summary>
    internal static Html Part(Html body) => Html.Of($"""<div id="live">{body}</div>""");

    /// <summary>The page that has the part.</summary>
    internal static AdminView Renewed(this AdminView view) => view with
    {
        Script = Script,
        Head = Html.Of($"""<noscript><meta http-equiv="refresh" content="30"></noscript>"""),
    };
}
