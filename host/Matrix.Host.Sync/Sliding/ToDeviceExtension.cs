using System.Globalization;
using Matrix.Core.Sync;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Host.Streams.Streams.ToDevice;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// Messages to the device. They are deleted when the client returns with the `since` after them, or with the `pos` of
/// the response that had them. MSC3885.
/// </summary>
internal sealed class ToDeviceExtension(
    ToDeviceReader toDevice, IStorageWriter writer, ImportedPositions imported) : ISlidingExtension
{
    public const string UsualName = "to_device";

    private const string Form = "d1_";

    public string Name => UsualName;

    public async ValueTask<string?> BeginAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop)
    {
        if (request.Since is { } since && !TryParse(since, out _)) return "`since` of to_device is no token.";
        var through = SinceOf(pass, request);
        if (through > 0) await toDevice.AcknowledgeAsync(pass.Reader, pass.Device, through, stop);
        return null;
    }

    public async ValueTask WriteAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop)
    {
        var after = Math.Max(SinceOf(pass, request), pass.Device.ArrivedThrough);
        var next = Math.Max(after, pass.UpTo);
        var limit = Math.Clamp(request.Limit ?? pass.Options.MaxToDevice, 1, pass.Options.MaxToDevice);
        var page = pass.Device.LastToDevice <= after
            ? new ToDevicePage([], IsCut: false)
            : await toDevice.ReadAsync(pass.Reader, pass.Device, after, pass.UpTo, limit, pass.PageBytes, stop);
        var json = pass.Json;
        json.WriteStartObject(Name);
        if (page.Messages.Count > 0)
        {
            pass.HasNews = true;
            if (page.IsCut) next = page.Last;
            json.WriteStartArray("events"u8);
            page.Write(json);
            json.WriteEndArray();
        }

        pass.Next.Positions[Name] = next;
        json.WriteString("next_batch"u8, string.Create(CultureInfo.InvariantCulture, $"{Form}{next}"));
        json.WriteEndObject();
    }

    /// <summary>
    /// The position up to which the client has the messages. A token from the future belongs to a lost database: the
    /// client keeps it for as long as its request is refused, so it counts as none.
    /// </summary>
    private long SinceOf(SlidingPass pass, ExtensionRequest request) =>
        request.Since is { } since && TryParse(since, out var position) && position <= writer.PublishedPosition
            ? position
            : pass.Base.Positions.GetValueOrDefault(Name);

    /// <summary>Reads a token of this server, or a number that an imported one gave.</summary>
    private bool TryParse(string text, out long position)
    {
        var isOurs = text.StartsWith(Form, StringComparison.Ordinal);
        return long.TryParse(
                isOurs ? text.AsSpan(Form.Length) : text,
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out position)
            && (isOurs || imported.Has(position));
    }
}
