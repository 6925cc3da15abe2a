using System.IO.Pipelines;
using Microsoft.Net.Http.Headers;

namespace Matrix.Host.Media.Store;

/// <summary>A content that a user uploads.</summary>
/// <param name="Content">The bytes.</param>
/// <param name="Length">How many there are; null if that is not known.</param>
/// <param name="ContentType">The media type.</param>
/// <param name="FileName">The name; null for none.</param>
public sealed record Upload(string UserId, PipeReader Content, long? Length, string ContentType, string? FileName)
{
    /// <summary>The media type of a content without one.</summary>
    public const string DefaultType = "application/octet-stream";

    private const int LongestType = 255;

    /// <summary>Whether the content may be stored, asked when all of it is here: the user's session may have ended.
    /// </summary>
    public Func<CancellationToken, ValueTask<bool>> MayStore { get; init; } = static _ => new(true);

    /// <summary>The media type in a header, or the default if it is none that can be sent again.</summary>
    public static string TypeOf(string? header) =>
        header is { Length: > 0 and <= LongestType }
        && !header.AsSpan().ContainsAnyExceptInRange(' ', '~')
        && MediaTypeHeaderValue.TryParse(header, out _)
            ? header
            : DefaultType;
}
