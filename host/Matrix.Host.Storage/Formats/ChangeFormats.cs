using System.Collections.Frozen;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Formats;

/// <summary>The kinds of changes that consumers of other nodes get.</summary>
/// <param name="all">Their formats. Each kind and each number is there once.</param>
internal sealed class ChangeFormats(IReadOnlyList<ChangeFormat> all)
{
    private readonly FrozenDictionary<Type, ChangeFormat> _byKind = all.ToFrozenDictionary(static each => each.Kind);
    private readonly FrozenDictionary<int, ChangeFormat> _byNumber =
        all.ToFrozenDictionary(static each => each.Number);

    /// <summary>All formats.</summary>
    public IReadOnlyList<ChangeFormat> All => all;

    /// <summary>The format of a change; null if other nodes do not get it.</summary>
    public ChangeFormat? Find(Change change) => _byKind.GetValueOrDefault(change.GetType());

    /// <summary>The format with a number; null if there is none.</summary>
    public ChangeFormat? Find(int number) => _byNumber.GetValueOrDefault(number);
}
