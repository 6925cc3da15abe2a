namespace Matrix.Host.Parts;

/// <summary>Which of the nodes of a server have one value of a setting.</summary>
public enum SettingScope
{
    /// <summary>As the group of the setting says. In a group that does not say it, each setting has to.</summary>
    OfGroup,

    /// <summary>Each node has its own: addresses, files, and what depends on the machine.</summary>
    Node,

    /// <summary>
    /// All nodes should have one value. While they are changed one after the other, operators are shown which differ.
    /// </summary>
    Server,

    /// <summary>Nodes with different values would do damage: a node that joins with another one is refused.</summary>
    Required,
}
