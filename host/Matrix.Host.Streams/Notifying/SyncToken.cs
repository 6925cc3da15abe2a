using System.Globalization;
using System.Text;
using Matrix.Core.Sync;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// The position of a client in its stream of changes: sent as <c>next_batch</c> and returned as <c>since</c>. Opaque to
/// clients. v1.19 client-server-api#syncing. Written as <c>s1_position_epoch_ephemeral</c>, followed by
/// <c>_toDevice</c> while to-device messages are held back by their limit, and by <c>~epoch.ephemeral</c> for each
/// other node that the client was at. The prefix <c>s1</c> is the version of the form. Numbers are decimal.
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

    /// <summary>The most other nodes whose counters a token has.</summary>
    private const int MostElsewhere = 7;

    /// <summary>
    /// The longest valid token: four numbers of 19 digits, the prefix and the separators; and two numbers for each
    /// other node.
    /// </summary>
    private const int MaxLength = 2 + (4 * 20) + (MostElsewhere * 2 * 20);

    /// <summary>The counters of other nodes that the client was at, the last one first; null for none.</summary>
    public string? Elsewhere { get; init; }

    /// <summary>
    /// The token of the imported server that this one stands for; null for one of this server. Its streams have
    /// positions of their own; <see cref="Position"/> is that of events.
    /// </summary>
    public ImportedToken? Imported { get; private init; }

    /// <summary>The token that a client has from the imported server.</summary>
    public static SyncToken Of(ImportedToken token) =>
        new(token.Events.Least, Epoch: 0, Ephemeral: 0, token.ToDevice.Least) { Imported = token };

    /// <summary>The ephemeral counter of a process, or 0 if the client was not there.</summary>
    public long EphemeralIn(long epoch)
    {
        if (epoch == Epoch) return Ephemeral;
        var others = Elsewhere.AsSpan();
        while (TryTake(ref others, out var other, out var count))
        {
            if (other == epoch) return count;
        }

        return 0;
    }

    /// <summary>
    /// The token that takes the place of another one: the client has what other nodes sent it before, and is not sent
    /// it again when it comes back to them.
    /// </summary>
    public SyncToken Following(in SyncToken before)
    {
        // Most clients stay at one node.
        if (before.Epoch == Epoch && before.Elsewhere is null) return this;
        var kept = new StringBuilder();
        var most = MostElsewhere;
        Keep(before.Epoch, before.Ephemeral, Epoch);
        var others = before.Elsewhere.AsSpan();
        while (TryTake(ref others, out var epoch, out var count)) Keep(epoch, count, Epoch);
        return this with { Elsewhere = kept.Length == 0 ? null : kept.ToString() };

        void Keep(long epoch, long count, long own)
        {
            if (epoch != own && count > 0 && most-- > 0) kept.Append(CultureInfo.InvariantCulture, $"~{epoch}.{count}");
        }
    }

    /// <summary>The position up to which to-device messages were sent.</summary>
    public long ToDeviceUpTo => ToDevice ?? Position;

    /// <summary>The position up to which receipts were sent.</summary>
    public long ReceiptsUpTo => Imported?.Receipts.Least ?? Position;

    /// <summary>The position up to which changed device lists were sent.</summary>
    public long DeviceListsUpTo => Imported?.DeviceLists.Least ?? Position;

    /// <summary>Parses a token of this server; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SyncToken token)
    {
        token = default;
        if (text.Length > MaxLength) return false;
        var elsewhere = text.IndexOf('~') is var at and >= 0 ? text[at..] : [];
        text = text[..^elsewhere.Length];

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

        var others = elsewhere;
        while (TryTake(ref others, out _, out _))
        {
        }

        if (!others.IsEmpty) return false;
        token = new SyncToken(position, epoch, ephemeral, toDevice)
        {
            Elsewhere = elsewhere.IsEmpty ? null : elsewhere.ToString(),
        };
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Imported is { } token
        ? token.Text
        : ToDevice is { } held
        ? string.Create(CultureInfo.InvariantCulture, $"{Form}_{Position}_{Epoch}_{Ephemeral}_{held}{Elsewhere}")
        : string.Create(CultureInfo.InvariantCulture, $"{Form}_{Position}_{Epoch}_{Ephemeral}{Elsewhere}");

    /// <summary>Takes the first of the counters of other nodes. False if there is none, or it is none.</summary>
    private static bool TryTake(ref ReadOnlySpan<char> others, out long epoch, out long count)
    {
        (epoch, count) = (0, 0);
        if (others is not ['~', .. var rest]) return false;
        var end = rest.IndexOf('~') is var next and >= 0 ? next : rest.Length;
        var dot = rest[..end].IndexOf('.');
        if (dot < 0 || !TryNumber(rest[..dot], out epoch) || !TryNumber(rest[(dot + 1)..end], out count)) return false;
        others = rest[end..];
        return true;
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
