using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Formats;

/// <summary>
/// One kind of change as bytes: what consumers of other nodes need of it, in a fixed order. Secrets are never written.
/// </summary>
internal abstract class ChangeFormat
{
    private ChangeFormat(int number, Type kind) => (Number, Kind) = (number, kind);

    /// <summary>The number that stands for the kind. It is never given to another kind.</summary>
    public int Number { get; }

    /// <summary>The kind.</summary>
    public Type Kind { get; }

    /// <summary>The format of a kind.</summary>
    /// <param name="number">The number that stands for the kind.</param>
    /// <param name="write">Writes the fields.</param>
    /// <param name="read">Reads them in the same order. What was not written gets a neutral value.</param>
    public static ChangeFormat Of<TChange>(
        int number, Action<ChangeWriter, TChange> write, Func<ChangeReader, TChange> read)
        where TChange : Change => new Typed<TChange>(number, write, read);

    /// <summary>Writes the fields of a change of this kind.</summary>
    public abstract void Write(ChangeWriter to, Change change);

    /// <summary>Reads the fields. A conditional change was applied: others are not written.</summary>
    public abstract Change Read(ChangeReader from);

    private sealed class Typed<TChange>(
        int number, Action<ChangeWriter, TChange> write, Func<ChangeReader, TChange> read)
        : ChangeFormat(number, typeof(TChange))
        where TChange : Change
    {
        public override void Write(ChangeWriter to, Change change) => write(to, (TChange)change);

        public override Change Read(ChangeReader from)
        {
            var change = read(from);
            if (change is ConditionalChange conditional) conditional.Applied = true;
            return change;
        }
    }
}
