using System.Globalization;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// The position of a client in its stream of changes: sent as <c>next_batch</c> and returned as <c>since</c>. Opaque to
/// clients. v1.19 client-server-api#syncing. Written as <c>s1_position_epoch_ephemeral</c>, followed by
/// <c>_toDevice</c> while to-device messages are held back by their limit. The prefix <c>s1</c> is the version of the
/// form. Numbers are decimal.
/// </summary>
/// <param name="Position">The durable position: the client has everything up to it.</param>
/// <param name="Epoch">The process that <paramref name="Ephemeral"/> belongs to; another process's counter means
/// nothing here.</param>
/// <param name="Ephemeral">The ephemeral counter (typing, presence) up to which the client has everything.</param>
/// <param name="ToDevice">The last to-device message that was sent, if more are waiting up to
/// <paramref name="Position"/>; otherwise null.</param>
public readonly record struct SyncToken(long Position, long Epoch, long Ephemeral, long? ToDevice = null)
{
    private const string Form = "s1";

    /// <summary>The longest valid token: four numbers of 19 digits, the prefix and the separators.</summary>
    private const int MaxLength = 2 + 4 * 20;

    /// <summary>The ephemeral counter, or 0 if the token is of another process.</summary>
    public long EphemeralIn(long epoch) => epoch == Epoch ? Ephemeral : 0;

    /// <summary>The position up to which to-device messages were sent.</summary>
    public long ToDeviceUpTo => ToDevice ?? Position;

    /// <summary>Parses a token of this server; false for anything else.</summary>
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
