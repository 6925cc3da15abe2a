using Matrix.Processes;

namespace Matrix.Cli.Tests;

/// <summary>`mx rules msc`.</summary>
internal sealed class MscTests
{
    /// <summary>The lists of one heading: before and after.</summary>
    private static (string Before, string After) Lists(string draft, string heading)
    {
        var section = draft.Split($"### {heading}\n")[1].Split("\n### ")[0];
        var sides = section.Split("\nAfter:\n");
        return (sides[0], sides[1]);
    }

    [TestCase("MSC4291")]
    [TestCase("4291")]
    [TestCase("rules/Matrix.Rules/Amendments/Msc4291.fs")]
    public async Task A_proposals_rules_have_the_numbers_of_the_parents_page_and_of_the_next_one(string name)
    {
        var draft = await Command.RunAsync("rules", "msc", name);

        Assert.That(draft.Code, Is.Zero, draft.Errors);
        Assert.That(draft.Output, Does.StartWith("# MSC4291: The room id is the hash of the create event\n"));
        Assert.That(draft.Output, Does.Contain("\n## Changes to room version 11, for room version 12\n"));
        var (before, after) = Lists(draft.Output, "Authorization rules");
        Assert.That(before, Does.Contain("\n    2.  **[removed]** If the domain of the room id is not the domain of"));
        Assert.That(before, Does.Contain("\n    4.  **[removed]** If the create event is not among them, reject.\n"));
        Assert.That(after, Does.Contain("\n    2.  **[new]** If it has a room_id, reject.\n"));
        Assert.That(after, Does.Contain("\n2.  **[new]** If the room id is not the id of an accepted create event"));
        Assert.That(after, Does.Contain("\n3.  Considering the events in auth_events:\n"));
        Assert.That(after, Does.Contain("\n    4.  If one of them belongs to another room, reject.\n"));
        Assert.That(after, Does.Contain("\nRules 2 to 10 become 3 to 11.\n"));
        // What came into version 12 by other proposals is no part of the draft.
        Assert.That(draft.Output, Does.Not.Contain("additional_creators"));
    }

    [Test]
    public async Task Steps_of_state_resolution_keep_their_numbers()
    {
        var (before, after) = Lists((await Command.RunAsync("rules", "msc", "msc4297")).Output, "State resolution");

        Assert.That(
            before, Does.Contain("\n    2.  **[changed]** Put them").And.Contain("*the unconflicted state map*"));
        Assert.That(after, Does.Contain("\n    2.  **[changed]** Put them").And.Contain("*an empty state map*"));
        Assert.That(after, Does.Contain("\n-   **[new]** The conflicted state subgraph is"));
        Assert.That(before, Does.Contain("\n    5.  Put every entry").And.Not.Contain("[new]"));
    }

    [Test]
    public async Task Every_amendment_has_a_draft_of_something()
    {
        var versions = (await Command.RunAsync("rules", "list", "--format", "json")).Json.GetProperty("versions");
        var names = versions.EnumerateArray()
            .SelectMany(version => version.GetProperty("amendments").EnumerateArray())
            .Select(amendment => amendment.GetProperty("msc").GetString()!).Distinct().ToList();

        Assert.That(names, Has.Count.GreaterThan(20));
        foreach (var name in names)
        {
            var draft = CalledCommand.Run("rules", "msc", name);

            Assert.That(draft.Code, Is.Zero, name);
            Assert.That(draft.Output, Does.Match(@"\*\*\[(new|changed|removed)\]\*\*"), name);
        }
    }

    [Test]
    public async Task A_proposal_without_an_amendment_is_refused()
    {
        var refused = await Command.RunAsync("rules", "msc", "MSC1");

        Assert.That(refused.Code, Is.EqualTo(2));
        Assert.That(refused.Errors, Does.Contain("no amendment 'MSC1': expected one of MSC1442, "));
    }
}
