import { Component, type ReactNode } from "react";
import { EmptyState } from "./EmptyState";

/** Keeps a page that fails, or whose script cannot be read, from taking the rest with it. */
export class PageBoundary extends Component<{ children: ReactNode }, { problem: string | null }> {
  override state = { problem: null };

  static getDerivedStateFromError(error: unknown): { problem: string } {
    return { problem: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    if (this.state.problem === null) return this.props.children;
    return (
      <>
        <EmptyState title="This page failed">{this.state.problem}</EmptyState>
        <button type="button" onClick={() => location.reload()}>
          Reload
        </button>
      </>
    );
  }
}
