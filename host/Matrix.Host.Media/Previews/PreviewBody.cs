using System.Buffers;
using System.Text.Json;

namespace Matrix.Host.Media.Previews;

/// <summary>
/// Writes previews: OpenGraph, with the image as an mxc URI. v1.19 client-server-api#get_matrixclientv1mediapreview_url
/// </summary>
internal static class PreviewBody
{
    /// <summary>The response's JSON.</summary>
    /// <param name="facts">What the page says.</param>
    /// <param name="image">Its image; null for none.</param>
    /// <param name="uri">The mxc URI of the image.</param>
    internal static byte[] Write(PageFacts facts, PreviewImage? image, string uri)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            foreach (var (name, value) in facts.Properties)
            {
                // The image's members describe the one that is kept here.
                if (name.StartsWith("og:", StringComparison.Ordinal)
                    && (name == "og:image:alt" || !name.StartsWith("og:image", StringComparison.Ordinal)))
                {
                    json.WriteString(name, value);
                }
            }

            Otherwise(json, facts, "og:title", Property(facts, "twitter:title"), facts.Title, facts.Heading);
            Otherwise(
                json,
                facts,
                "og:description",
                Property(facts, "twitter:description"),
                Property(facts, "description"),
                facts.Text);
            if (image is not null) Image(json, image, uri);
            json.WriteEndObject();
        }

        return bytes.WrittenSpan.ToArray();
    }

    private static void Image(Utf8JsonWriter json, PreviewImage image, string uri)
    {
        json.WriteString("og:image", uri);
        json.WriteString("og:image:type", image.ContentType);
        if (image.Width is { } width) json.WriteNumber("og:image:width", width);
        if (image.Height is { } height) json.WriteNumber("og:image:height", height);
        json.WriteNumber("matrix:image:size", image.File.Size);
    }

    private static void Otherwise(Utf8JsonWriter json, PageFacts facts, string name, params string?[] others)
    {
        if (facts.Properties.ContainsKey(name)) return;
        if (Array.Find(others, static other => other is { Length: > 0 }) is { } value) json.WriteString(name, value);
    }

    private static string? Property(PageFacts facts, string name) => facts.Properties.GetValueOrDefault(name);
}
