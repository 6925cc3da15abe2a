using Matrix.Host.Configuration;
using Matrix.Import.Configuration.Table;

namespace Matrix.Import.Tests.Configuration;

[Parallelizable(ParallelScope.All)]
internal sealed class SettingTableTests
{
    private static IEnumerable<string> Outermost =>
        SynapseSettingNames.Documented.Concat(SynapseSettingNames.Undocumented);

    [TestCaseSource(nameof(Outermost))]
    public void Every_setting_of_Synapse_has_a_row(string name) =>
        Assert.That(SettingTable.Find(name), Is.Not.Null);

    [TestCaseSource(typeof(SynapseSettingNames), nameof(SynapseSettingNames.Nested))]
    public void Every_nested_setting_has_a_row_or_belongs_to_a_row_as_a_whole(string name)
    {
        var parent = name[..name.LastIndexOf('.')];
        while (!SettingTable.HasMembers(parent) && SettingTable.Find(parent) is null && parent.Contains('.'))
        {
            parent = parent[..parent.LastIndexOf('.')];
        }

        Assert.That(
            SettingTable.HasMembers(parent) ? SettingTable.Find(name) : SettingTable.Find(parent), Is.Not.Null);
    }

    [Test]
    public void The_list_is_long_enough_to_be_Synapses() =>
        Assert.That(SynapseSettingNames.Documented, Has.Count.EqualTo(228).And.Contains("push_rules"));

    [Test]
    public void Carried_settings_become_settings_that_exist()
    {
        var ours = Settings.All.Select(setting => setting.Name).ToHashSet();

        var wrong = SettingTable.Rows.SelectMany(row => row.Targets).Where(target => !ours.Contains(target));

        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void Every_row_says_what_becomes_of_its_setting()
    {
        var silent = SettingTable.Rows.Where(row =>
            row.Handling == SettingHandling.Group
                ? !SettingTable.HasMembers(row.Name)
                : row.Sentence.Length == 0 && row.Targets.Count == 0);

        Assert.That(silent.Select(row => row.Name), Is.Empty);
    }

    [Test]
    public void Sentences_are_sentences()
    {
        var wrong = SettingTable.Rows.Where(row => row.Sentence.Length > 0 && row.Sentence[^1] != '.'
            && !row.Sentence.EndsWith("database.url.", StringComparison.Ordinal));

        Assert.That(wrong.Select(row => row.Name), Is.Empty);
    }
}
