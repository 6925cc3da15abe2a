using System.Collections;
using Matrix.Host.Configuration;
using Matrix.Host.Crypto;
using Matrix.Host.Parts;
using Matrix.Host.Storage.Ownership.Joining;

namespace Matrix.Host.Tests.Config;

/// <summary>Which settings nodes compare, and what others learn of them.</summary>
internal sealed class ComparedSettingsTests
{
    private static readonly SigningKey _key = SigningKeyFile.Generate();

    [Test]
    public void Every_setting_says_whether_nodes_share_it() => Assert.That(
        Settings.All.Where(static setting => setting.Scope is null).Select(static setting => setting.Name), Is.Empty);

    [Test]
    public void Files_and_folders_are_the_nodes_own() => Assert.That(
        Settings.All
            .Where(static setting => setting.IsPath && setting.Scope != SettingScope.Node)
            .Select(static setting => setting.Name),
        Is.Empty);

    [Test]
    public void Passwords_tokens_and_keys_are_secrets()
    {
        string[] ends = ["secret", "password", "_token", "private_key", "secret_key"];
        Assert.That(
            Settings.All
                .Where(setting => ends.Any(end => setting.Name.EndsWith(end, StringComparison.Ordinal))
                    && !setting.IsSecret
                    && setting.DefaultText is not ("true" or "false"))
                .Select(static setting => setting.Name),
            Is.Empty);
    }

    [Test]
    public void Equal_settings_do_not_differ_however_they_are_written()
    {
        var one = DigestsOf(("limits.header_time", "60s"));
        Assert.That(one.DifferingFrom(DigestsOf(("limits.header_time", "1m"))), Is.Empty);
    }

    [Test]
    public void A_setting_at_its_default_is_like_one_that_is_not_set()
    {
        var set = DigestsOf([
            .. Settings.All
                .Where(static setting => setting.Section is "limits" or "presence" or "push")
                .Select(static setting => (setting.Name, setting.DefaultText.Trim('"'))),
        ]);
        Assert.That(set.DifferingFrom(DigestsOf()), Is.Empty);
    }

    [Test]
    public void Settings_that_differ_are_named_and_those_of_a_node_are_not()
    {
        var one = DigestsOf(("limits.headers", "200"), ("listeners.client", "127.0.0.1:1"), ("turn.password", "a"));
        var other = DigestsOf(("limits.headers", "300"), ("listeners.client", "127.0.0.1:2"), ("turn.password", "b"));

        Assert.That(one.DifferingFrom(other), Is.EqualTo(new[] { "limits.headers", "turn.password" }));
        Assert.That(one.DisagreeingWith(other), Is.Empty);
        Assert.That(
            SettingDigests.Parse(one.ToString()).DifferingFrom(SettingDigests.Parse(other.ToString())),
            Is.EqualTo(new[] { "limits.headers", "turn.password" }));
    }

    [Test]
    public void Settings_that_do_damage_where_they_differ_are_refused()
    {
        var one = DigestsOf(("media.s3_bucket", "one"), ("server_name", "one.example"));
        var other = DigestsOf(("media.s3_bucket", "two"), ("server_name", "two.example"));

        Assert.That(one.DisagreeingWith(other), Is.EqualTo(new[] { "media.s3_bucket", "server_name" }));
        Assert.That(
            SettingDigests.Parse(one.ToString()).DisagreeingWith(DigestsOf()),
            Is.EqualTo(new[] { "media.s3_bucket", "server_name" }));
    }

    [Test]
    public void The_digest_of_a_secret_needs_the_signing_key()
    {
        var one = DigestsOf(("turn.password", "guessed"));
        var guessed = ComparedSettings.Of(Config(("turn.password", "guessed")), new(SigningKeyFile.Generate(), []));

        var line = one.ToString().Split('\n').Single(static line => line.StartsWith("turn", StringComparison.Ordinal));
        Assert.That(guessed.ToString(), Does.Contain("turn.password").And.Not.Contain(line));
        Assert.That(one.ToString(), Does.Not.Contain("guessed"));

        // They cannot be compared then, and the keys differ.
        Assert.That(one.DifferingFrom(guessed), Is.EqualTo(new[] { SettingDigests.SigningKey }));
    }

    [Test]
    public void A_signing_key_may_be_newer_and_not_another()
    {
        var before = DigestsOf();
        var rotated = ComparedSettings.Of(Config(), new SigningKeys(_key, []).RotatedTo(SigningKeyFile.Generate()));
        var another = ComparedSettings.Of(Config(), new(SigningKeyFile.Generate(), []));

        Assert.That(before.DisagreeingWith(rotated), Is.Empty);
        Assert.That(rotated.DisagreeingWith(SettingDigests.Parse(before.ToString())), Is.Empty);
        Assert.That(rotated.DifferingFrom(before), Is.EqualTo(new[] { SettingDigests.SigningKey }));
        Assert.That(before.DisagreeingWith(another), Is.EqualTo(new[] { SettingDigests.SigningKey }));
    }

    private static SettingDigests DigestsOf(params (string Key, string Value)[] settings) =>
        ComparedSettings.Of(Config(settings), new SigningKeys(_key, []));

    private static HomeserverConfig Config(params (string Key, string Value)[] settings)
    {
        var environment = new Hashtable();
        foreach (var (key, value) in settings) environment[Setting.VariableOf(key)] = value;
        var (values, mistakes) = ConfigValues.Read("homeserver.yaml", file: null, environment);
        Assert.That(mistakes, Is.Empty);
        var (config, more) = HomeserverConfig.From(values, Path.GetTempPath());
        Assert.That(more, Is.Empty);
        return config!;
    }
}
