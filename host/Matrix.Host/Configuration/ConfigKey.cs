using System.Linq.Expressions;
using System.Reflection;

namespace Matrix.Host.Configuration;

/// <summary>A setting: its name, type, default and meaning, and the option that it sets.</summary>
internal abstract class ConfigKey(string path, string meaning)
{
    /// <summary>The full name, such as `limits.body`.</summary>
    internal string Path { get; } = path;

    /// <summary>The help text in the commented file.</summary>
    internal string Meaning { get; } = meaning;

    /// <summary>The environment variable that overrides it.</summary>
    internal string Variable => VariableOf(Path);

    /// <summary>Whether the commented file leaves it out: such settings are for tests of the server.</summary>
    internal bool Hidden { get; init; }

    /// <summary>Whether its value is a list; the file may have a YAML list for it.</summary>
    internal abstract bool IsList { get; }

    /// <summary>Whether its value is a JSON object or array; the file may have a YAML mapping or list for it.</summary>
    internal abstract bool IsObject { get; }

    /// <summary>The default as written in a file.</summary>
    internal abstract string DefaultText { get; }

    /// <summary>The name of a setting's variable: levels are joined by two underscores.</summary>
    internal static string VariableOf(string path) =>
        "MATRIX_" + path.ToUpperInvariant().Replace(".", "__", StringComparison.Ordinal);

    /// <summary>The error for an invalid text; null for a valid one.</summary>
    internal abstract string? Mistake(string text);

    /// <summary>Sets the option from a valid text.</summary>
    internal abstract void Apply(HomeserverConfig config, string text);
}

/// <summary>A setting with a value of one type.</summary>
internal sealed class ConfigKey<T> : ConfigKey
{
    private readonly ConfigType<T> _type;
    private readonly PropertyInfo[] _option;

    /// <summary>Creates a setting of an option, whose default is the setting's.</summary>
    internal ConfigKey(string path, ConfigType<T> type, Expression<Func<HomeserverConfig, T>> option, string meaning)
        : base(path, meaning)
    {
        _type = type;
        _option = [.. Steps(option.Body).Reverse()];
        Default = (T)_option.Aggregate((object?)HomeserverConfig.Defaults, static (part, step) => step.GetValue(part))!;
    }

    /// <summary>Creates a setting without an option: its value is read when the configuration is built.</summary>
    internal ConfigKey(string path, ConfigType<T> type, T otherwise, string meaning)
        : base(path, meaning)
    {
        _type = type;
        _option = [];
        Default = otherwise;
    }

    internal T Default { get; }

    internal override bool IsList => _type.IsList;

    internal override bool IsObject => _type.IsObject;

    internal override string DefaultText => _type.Show(Default);

    internal override string? Mistake(string text) => _type.TryParse(text, out _) ? null : _type.Expected;

    internal override void Apply(HomeserverConfig config, string text)
    {
        if (_option.Length > 0) Set(config, _option, Parse(text));
    }

    /// <summary>The value of a valid text.</summary>
    internal T Parse(string text) =>
        _type.TryParse(text, out var value)
            ? value
            : throw new InvalidOperationException($"{Path}: {text} is not valid.");

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

    private static IEnumerable<PropertyInfo> Steps(Expression? expression)
    {
        for (; expression is MemberExpression { Member: PropertyInfo step } member; expression = member.Expression)
        {
            yield return step;
        }

        if (expression is not ParameterExpression)
        {
            throw new ArgumentException("An option must be a path of properties.");
        }
    }
}
