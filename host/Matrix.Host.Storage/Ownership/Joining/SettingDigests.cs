using System.Text;

namespace Matrix.Host.Storage.Ownership.Joining;

/// <summary>The settings of a node, as nodes compare them. They are stored: a line for each.</summary>
public sealed class SettingDigests
{
    /// <summary>How the signing key is named among the settings.</summary>
    public const string SigningKey = "signing.key";

    private const string Required = "must";
    private const string Secret = "secret";
    private const string Other = "-";

    private readonly IReadOnlyList<string> _keys;
    private readonly Dictionary<string, SettingDigest> _byName;

    /// <summary>The digests of one node.</summary>
    /// <param name="keys">The public signing keys, the one in use first: it is the key of the digests of secrets too.
    /// </param>
    /// <param name="all">Those of settings that are not at their defaults.</param>
    public SettingDigests(IReadOnlyList<string> keys, IEnumerable<SettingDigest> all) =>
        (_keys, _byName) = (keys, all.ToDictionary(static one => one.Name, StringComparer.Ordinal));

    /// <summary>A node without settings.</summary>
    public static SettingDigests None { get; } = new([], []);

    /// <summary>Reads <see cref="ToString"/>. What it does not understand is left out.</summary>
    public static SettingDigests Parse(string text)
    {
        var lines = text.Split('\n');
        var all = new Dictionary<string, SettingDigest>(StringComparer.Ordinal);
        foreach (var line in lines.Skip(1))
        {
            if (line.Split(' ') is not [var name, var kind, var digest]) continue;
            all[name] = new SettingDigest(name, digest, kind == Required, kind == Secret);
        }

        return new SettingDigests(
            lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries), all.Values);
    }

    /// <summary>The names of all settings that differ, in order.</summary>
    public IReadOnlyList<string> DifferingFrom(SettingDigests other)
    {
        var isOneKey = InUse == other.InUse;
        IEnumerable<string> names = Different(other)
            .Where(pair => isOneKey || !(pair.Mine ?? pair.Theirs)!.IsSecret)
            .Select(static pair => (pair.Mine ?? pair.Theirs)!.Name);
        return [.. (isOneKey ? names : names.Append(SigningKey)).Order(StringComparer.Ordinal)];
    }

    /// <summary>
    /// The names of those that differ although they must not, in order. Signing keys may differ while a new one is
    /// copied to all nodes: one node knows the other's key as a former one then.
    /// </summary>
    public IReadOnlyList<string> DisagreeingWith(SettingDigests other)
    {
        var names = Different(other)
            .Where(static pair => pair.Mine?.MustAgree == true || pair.Theirs?.MustAgree == true)
            .Select(static pair => (pair.Mine ?? pair.Theirs)!.Name);
        var isRelated = InUse == other.InUse
            || (InUse is { } mine && other._keys.Contains(mine))
            || (other.InUse is { } theirs && _keys.Contains(theirs));
        return [.. (isRelated ? names : names.Append(SigningKey)).Order(StringComparer.Ordinal)];
    }

    /// <summary>As it is stored: the signing keys, and a line for each setting.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(string.Join(' ', _keys));
        foreach (var one in _byName.Values.OrderBy(static one => one.Name, StringComparer.Ordinal))
        {
            var kind = one.MustAgree ? Required : one.IsSecret ? Secret : Other;
            text.Append('\n').Append(one.Name).Append(' ').Append(kind).Append(' ').Append(one.Digest);
        }

        return text.ToString();
    }

    private string? InUse => _keys is [var first, ..] ? first : null;

    private IEnumerable<(SettingDigest? Mine, SettingDigest? Theirs)> Different(SettingDigests other) =>
        _byName.Keys.Union(other._byName.Keys)
            .Select(name => (_byName.GetValueOrDefault(name), other._byName.GetValueOrDefault(name)))
            .Where(static pair => pair.Item1?.Digest != pair.Item2?.Digest);
}
