using System.Globalization;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// Where a client stands in the stream: what <c>next_batch</c> holds and <c>since</c> brings back. Opaque to clients.
/// Client-Server API, "Syncing".
/// </summary>
/// <remarks>
/// Written as <c>s1_position_epoch_ephemeral</c>, with <c>_toDevice</c> behind it while to-device messages are held back by their
/// limit. The leading <c>s1</c> names the form, so that a later form can be told from this one. Numbers are decimal.
/// </remarks>
/// <param name="Position">The durable position: everything at or below it was seen.</param>
/// <param name="Epoch">The process start that <paramref name="Ephemeral"/> counts from; another start's counter means nothing here.</param>
/// <param name="Ephemeral">How far the ephemeral counter (typing) was seen.</param>
/// <param name="ToDevice">
/// The last to-device message that was handed out, if more are waiting at or below <paramref name="Position"/>; else null, and all of them were.
/// </param>
public readonly record struct SyncToken(long Position, long Epoch, long Ephemeral, long? ToDevice = null)
{
    private const string Form = "s1";

    /// <summary>The longest text that is looked at: four numbers of 19 digits, the form and the separators.</summary>
    private const int MaxLength = 2 + 4 * 20;

    /// <summary>The ephemeral counter as this process start counts: nothing of it was seen if the token is from another start.</summary>
    public long EphemeralIn(long epoch) => epoch == Epoch ? Ephemeral : 0;

    /// <summary>Everything up to here was given, to-device messages included; for the one that acknowledges, see <see cref="ToDevice"/>.</summary>
    public long ToDeviceUpTo => ToDevice ?? Position;

    /// <summary>Reads a token that this server wrote; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SyncToken token)
    {
        token = default;
        if (text.Length > MaxLength) return false;

        Span<Range> parts = stackalloc Range[6];
        int count = text.Split(parts, '_');
        if (count is not (4 or 5) || !text[parts[0]].SequenceEqual(Form)) return false;

        if (!TryNumber(text[parts[1]], out long position)
            || !TryNumber(text[parts[2]], out long epoch)
            || !TryNumber(text[parts[3]], out long ephemeral))
        {
            return false;
        }

        long? toDevice = null;
        if (count == 5)
        {
            if (!TryNumber(text[parts[4]], out long held)) return false;
            toDevice = held;
        }

        token = new SyncToken(position, epoch, ephemeral, toDevice);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => ToDevice is { } held
        ? string.Create(CultureInfo.InvariantCulture, $"{Form}_{Position}_{Epoch}_{Ephemeral}_{held}")
        : string.Create(CultureInfo.InvariantCulture, $"{Form}_{Position}_{Epoch}_{Ephemeral}");

    private static bool TryNumber(ReadOnlySpan<char> text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
