namespace Matrix.Import.Configuration.Reading;

/// <summary>A value as PyYAML's safe loader reads it: YAML 1.1, in which `yes` and `off` are booleans.</summary>
internal abstract record YamlValue(YamlPlace Place)
{
    /// <summary>The type's name in messages.</summary>
    internal abstract string Kind { get; }

    internal sealed record Nothing(YamlPlace Place) : YamlValue(Place)
    {
        internal override string Kind => "nothing";
    }

    internal sealed record Flag(YamlPlace Place, bool Value) : YamlValue(Place)
    {
        internal override string Kind => "true or false";
    }

    /// <param name="Written">The number as written: a version or a password may be one.</param>
    internal sealed record Whole(YamlPlace Place, long Value, string Written) : YamlValue(Place)
    {
        internal override string Kind => "an integer";
    }

    /// <param name="Written">The number as written.</param>
    internal sealed record Real(YamlPlace Place, double Value, string Written) : YamlValue(Place)
    {
        internal override string Kind => "a number";
    }

    internal sealed record Text(YamlPlace Place, string Value) : YamlValue(Place)
    {
        internal override string Kind => "text";
    }

    internal sealed record Items(YamlPlace Place, IReadOnlyList<YamlValue> Values) : YamlValue(Place)
    {
        internal override string Kind => "a list";
    }

    /// <param name="Members">The members in the order of the file.</param>
    internal sealed record Map(YamlPlace Place, IReadOnlyDictionary<string, YamlValue> Members) : YamlValue(Place)
    {
        internal override string Kind => "a mapping";

        internal YamlValue? Find(string name) => Members.TryGetValue(name, out var value) ? value : null;
    }
}
