using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Matrix.Host.Api.Http;

/// <summary>A file that is sent, whole or in part.</summary>
/// <param name="ContentType">Its media type.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Tag">What identifies the content, for the `ETag` header.</param>
/// <param name="Path">Its path in this machine's file system; null if there is none.</param>
/// <param name="OpenAsync">Opens a part: offset and length.</param>
internal sealed record FileContent(
    string ContentType,
    long Length,
    string Tag,
    string? Path,
    Func<long, long, CancellationToken, ValueTask<Stream>> OpenAsync);

/// <summary>Responses with files: the whole, one range, or nothing if the client has it. RFC 9110, "Range Requests".
/// </summary>
internal static class FileAnswers
{
    /// <summary>
    /// The response to a request for a file. Several ranges at once get the whole; ranges are for GET only.
    /// </summary>
    internal static Answer For(HttpContext http, FileContent file)
    {
        var headers = http.Response.Headers;
        var tag = new EntityTagHeaderValue($"\"{file.Tag}\"");
        headers.ETag = tag.ToString();
        headers.AcceptRanges = "bytes";
        var request = http.Request.GetTypedHeaders();
        if (request.IfNoneMatch.Any(known => known.Equals(EntityTagHeaderValue.Any) || known.Compare(tag, false)))
        {
            return Answer.NotModified;
        }

        var isSame = request.IfRange is not { } condition
            || (condition.EntityTag is { } known2 && known2.Compare(tag, true));
        if (!HttpMethods.IsGet(http.Request.Method)
            || !isSame || request.Range is not { } range || range.Unit != "bytes" || range.Ranges.Count != 1)
        {
            return Answer.File(200, file, 0, file.Length);
        }

        if (PartOf(range.Ranges.First(), file.Length) is not { } part)
        {
            headers.ContentRange = new ContentRangeHeaderValue(file.Length).ToString();
            headers.CacheControl = default;
            return Answer.Error(416, MatrixError.InvalidParam, $"The content has {file.Length} bytes.");
        }

        headers.ContentRange = new ContentRangeHeaderValue(part.Offset, part.Offset + part.Length - 1, file.Length)
            .ToString();
        return Answer.File(206, file, part.Offset, part.Length);
    }

    /// <summary>The part of a content that a range names; null if it names none.</summary>
    internal static (long Offset, long Length)? PartOf(RangeItemHeaderValue range, long length)
    {
        if (range.From is not { } from)
        {
            // The last bytes.
            var last = Math.Min(range.To.GetValueOrDefault(), length);
            return last > 0 ? (length - last, last) : null;
        }

        if (from >= length) return null;
        var to = Math.Min(range.To ?? long.MaxValue, length - 1);
        return (from, to - from + 1);
    }
}
