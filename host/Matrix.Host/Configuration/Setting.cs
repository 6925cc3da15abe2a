using System.Reflection;
using Matrix.Host.Parts;

namespace Matrix.Host.Configuration;

/// <summary>A setting: its name, form, default and meaning, and the option that it sets.</summary>
internal sealed class Setting
{
    private readonly SettingAttribute _described;
    private readonly ConfigType _type;
    private readonly PropertyInfo[] _option;

    /// <summary>Creates the setting of an option, which is a path of properties.</summary>
    internal Setting(SettingAttribute described, PropertyInfo[] option)
    {
        _described = described;
        _option = option;
        _type = ConfigTypes.Of(described, option[^1].PropertyType);
    }

    /// <summary>The full name, such as `limits.body`.</summary>
    internal string Name => _described.Name;

    /// <summary>The group: the name up to its dot; "" for none.</summary>
    internal string Section => Name[..Math.Max(0, Name.IndexOf('.', StringComparison.Ordinal))];

    /// <summary>The help text in the commented file.</summary>
    internal string Meaning => _described.Meaning;

    /// <summary>Whether the commented file leaves it out: such settings are for tests of the server.</summary>
    internal bool IsHidden => _described.IsHidden;

    /// <summary>Which of the nodes of a server have one value; null if nothing says it.</summary>
    internal SettingScope? Scope =>
        _described.Scope != SettingScope.OfGroup ? _described.Scope
        : Settings.Sections.GetValueOrDefault(Section).Scope is var group and not SettingScope.OfGroup ? group
        : null;

    /// <summary>Whether the value names files or folders.</summary>
    internal bool IsPath => _described.Form is SettingForm.Path or SettingForm.Paths;

    /// <summary>Whether the value is a secret.</summary>
    internal bool IsSecret => _described.IsSecret;

    /// <summary>The environment variable that overrides it.</summary>
    internal string Variable => VariableOf(Name);

    /// <summary>Whether its value is a list; the file may have a YAML list for it.</summary>
    internal bool IsList => _type.IsList;

    /// <summary>Whether its value is a JSON object or array; the file may have a YAML mapping or list for it.</summary>
    internal bool IsObject => _type.IsObject;

    /// <summary>The default as written in a file.</summary>
    internal string DefaultText => _type.Write(ValueIn(HomeserverConfig.Defaults));

    /// <summary>The value as nodes compare it; null if it is the default.</summary>
    internal string? ComparedIn(HomeserverConfig config) =>
        _type.Compared(ValueIn(config)) is var value && value == _type.Compared(ValueIn(HomeserverConfig.Defaults))
            ? null
            : value;

    /// <summary>The name of a setting's variable: levels are joined by two underscores.</summary>
    internal static string VariableOf(string name) =>
        "MATRIX_" + name.ToUpperInvariant().Replace(".", "__", StringComparison.Ordinal);

    /// <summary>What an invalid text should have been; null for a valid one.</summary>
    internal string? Mistake(string text) => _type.TryRead(text, out _) ? null : _type.Expected;

    /// <summary>Sets the option from a valid text.</summary>
    /// <param name="folder">The folder from which relative paths start.</param>
    internal void Apply(HomeserverConfig config, string text, string folder)
    {
        if (!_type.TryRead(text, out var value)) throw new InvalidOperationException($"{Name}: {text} is not valid.");
        Set(config, _option, _described.Form switch
        {
            SettingForm.Path when value is string { Length: > 0 } path => Path.GetFullPath(path, folder),
            SettingForm.Paths when value is IReadOnlyList<string> paths =>
                (string[])[.. paths.Select(path => Path.GetFullPath(path, folder))],
            _ => value,
        });
    }

    private object? ValueIn(HomeserverConfig config) =>
        _option.Aggregate((object?)config, static (part, step) => step.GetValue(part));

    private static void Set(object part, ReadOnlySpan<PropertyInfo> option, object? value)
    {
        if (option.Length == 1)
        {
            option[0].SetValue(part, value);
            return;
        }

        var inner = option[0].GetValue(part)!;
        Set(inner, option[1..], value);
        // A struct was copied when it was read.
        if (option[0].PropertyType.IsValueType) option[0].SetValue(part, inner);
    }
}
